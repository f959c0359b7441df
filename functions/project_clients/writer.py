"""Writes changes to the read model: a compare-and-set script, called once for each chunk and generation.

Chunks are sent as they come, without waiting for answers in between, so that the server works while the next chunk is
decoded. (redis-py's own pipeline sends nothing before all is there; the connection's methods used here are the
ones that it is made of.)

Which generations are written is asked for behind the last chunk: the server answers in order, so whoever began to fill
another one before that is obeyed, and who does so later finds these changes in the write model.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import hiredis
import redis
from redis.exceptions import MasterDownError, NoScriptError, ReadOnlyError, RedisError, ResponseError

from functions.common.cache import Cache
from functions.common.errors import CacheUnavailable
from functions.common.generations import CONTROL_FIELDS, Control, Generations, control_of
from functions.common.order_text import order_json
from functions.common.read_model import CONTROL, HEARTBEAT_KEY, KEPT_ORDERS, client_key, orders_key
from functions.common.telemetry import logger
from functions.project_clients.fold import Change

SCRIPT = (Path(__file__).parent / "apply.lua").read_text()
BEAT = (Path(__file__).parent / "beat.lua").read_text()
# SHA-1 names a script to the server; nothing is protected by it.
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
# The server is not, or no longer, one that can be written to: another one may be, over a new connection.
WRONG_SERVER = (ReadOnlyError, MasterDownError)

# hiredis declares a tuple of one member and no result, and means any tuple and bytes.
_pack: Callable[[tuple[str | int, ...]], bytes] = cast("Any", hiredis.pack_command)
_ASK = _pack(("HMGET", CONTROL, *CONTROL_FIELDS))
# How often the server may want more than it was sent: its script, another generation.
_ROUNDS = 4

# A call of the script: changes, and the generation that they are written to.
_Call = tuple[Sequence[Change], str]


class ReadModelWriter:
    """Writes over one connection of the client, over a new one if that is dead."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._generations = Generations(clock)

    def write(self, chunks: Iterable[Sequence[Change]]) -> list[tuple[Change, ResponseError]]:
        """Write all changes; gives those that the server refused, each once with an error of it.

        Raises CacheUnavailable if the server cannot be reached, also over a second connection; then any part may
        have been written, which does no harm: everything may be written again.
        """
        remaining = iter(chunks)
        sent: list[Change] = []
        try:
            return self._write(remaining, sent)
        except (redis.ConnectionError, *WRONG_SERVER) as error:
            logger.warning("connection to the read model replaced", reason=type(error).__name__)
        except RedisError as error:
            raise CacheUnavailable(f"The read model did not take the batch: {type(error).__name__}.") from error
        for chunk in remaining:
            sent.extend(chunk)
        try:
            return self._write(iter([sent]), [])
        except RedisError as error:
            raise CacheUnavailable(f"The read model could not be reached: {type(error).__name__}.") from error

    def note_beat(self, beat: int, arrived_ms: int) -> None:
        """Note the newest heartbeat that arrived; an older one changes nothing. Raises CacheUnavailable."""
        Cache(self._client).run(lambda client: client.eval(BEAT, 1, HEARTBEAT_KEY, beat, arrived_ms))

    def _write(self, chunks: Iterator[Sequence[Change]], sent: list[Change]) -> list[tuple[Change, ResponseError]]:
        pool = self._client.connection_pool
        # redis-py leaves these methods without types.
        connection: Any = pool.get_connection()
        try:
            written = self._generations.known(lambda: _asked(connection)).written
            calls: list[_Call] = []
            for chunk in chunks:
                if chunk:
                    sent.extend(chunk)
                    calls += _send(connection, [(chunk, generation) for generation in written])
            refused = self._settle(connection, sent, written, calls) if calls else []
        except BaseException:
            # Answers may be on their way that nobody will read.
            connection.disconnect()
            raise
        finally:
            pool.release(connection)
        return list({id(change): (change, error) for change, error in refused}.values())

    def _settle(
        self, connection: Any, changes: Sequence[Change], written: tuple[str, ...], calls: list[_Call]
    ) -> list[tuple[Change, ResponseError]]:
        """Read the answers, and call again until nothing is missing; gives what was refused."""
        final: list[tuple[Change, ResponseError]] = []
        for _ in range(_ROUNDS):
            connection.send_packed_command([_ASK])
            again: list[_Call] = []
            for call in calls:
                try:
                    final += _refused(connection, call[0])
                except NoScriptError:
                    again.append(call)
            control = control_of(connection.read_response())
            self._generations.learn(control)
            if again:
                # A new server, or one that forgot its scripts.
                connection.send_command("SCRIPT", "LOAD", SCRIPT)
                connection.read_response()
            again += [(changes, generation) for generation in control.written if generation not in written]
            if not again:
                return final
            written += control.written
            calls = _send(connection, again)
        raise CacheUnavailable("The read model forgets its script, or changes its generation, again and again.")


def _asked(connection: Any) -> Control:
    connection.send_packed_command([_ASK])
    return control_of(connection.read_response())


def _send(connection: Any, calls: list[_Call]) -> list[_Call]:
    for call in calls:
        connection.send_packed_command([_command(*call)])
    return calls


def _refused(connection: Any, changes: Sequence[Change]) -> list[tuple[Change, ResponseError]]:
    """Read a call's answer; gives the changes that could not be written. Raises what concerns the whole connection."""
    try:
        answer = connection.read_response()
    except (*WRONG_SERVER, NoScriptError):
        raise
    except ResponseError as error:
        return [(change, error) for change in changes]
    return [
        (changes[number - 1], ResponseError(reason.decode(errors="replace")))
        for number, reason in zip(answer[::2], answer[1::2], strict=True)
    ]


def _command(changes: Sequence[Change], generation: str) -> bytes:
    """A call as it goes over the wire. Packed by hiredis: redis-py's own way there takes 2.5 times as long."""
    keys: list[str] = []
    arguments: list[str | int] = [KEPT_ORDERS]
    for change in changes:
        client, newest = change.client, change.newest_orders()
        keys += (client_key(client.id, generation), orders_key(client.id, generation))
        arguments += (
            2 * len(newest),
            client.version,
            client.name,
            client.email,
            client.order_count,
            client.total,
            # hiredis takes no other integers than plain ones.
            "" if client.last_purchase is None else int(client.last_purchase),
            newest[-1][0] if newest else client.version,
        )
        for _, order in newest:
            arguments += (order.id, order_json(order))
    return _pack(("EVALSHA", SHA, len(keys), *keys, *arguments))
