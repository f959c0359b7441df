"""Writes changes to the read model: a compare-and-set script, called once for each chunk and generation.

(Of several shards once for each slot: a script cannot reach over slots. See lines.py.)

Chunks are sent as they come, without waiting for answers in between, so that the server works while the next chunk is
decoded. (redis-py's own pipeline sends nothing before all is there; the connection's methods used here are the
ones that it is made of.)

Which generations are written is asked for behind the last chunk, on the way with it: the server answers in order, so
whoever began to fill another one before that is obeyed, and who does so later finds these changes in the write model.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import AskError, NoScriptError, RedisClusterException, RedisError, ResponseError, TryAgainError

from functions.common.cache import FAILURES, WRONG_SERVER, Cache, Client
from functions.common.errors import CacheUnavailable
from functions.common.generations import Control, Generations
from functions.common.order_text import order_json
from functions.common.read_model import HEARTBEAT_KEY, KEPT_ORDERS, client_key, orders_key
from functions.common.telemetry import logger
from functions.project_clients.fold import Change
from functions.project_clients.lines import Lines, pack, renew, take

SCRIPT = (Path(__file__).parent / "apply.lua").read_text()
BEAT = (Path(__file__).parent / "beat.lua").read_text()
# SHA-1 names a script to the server; nothing is protected by it.
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
# A slot is in another shard by now, or on its way there.
REDIRECTIONS = (AskError, TryAgainError)  # and MOVED, which is an AskError
# How often the server may want more than it was sent: its script, another generation.
_ROUNDS = 4

# A call of the script: the connection that it goes over, changes, and the generation that they are written to.
_Call = tuple[Any, Sequence[Change], str]


class ReadModelWriter:
    """Writes over connections of the client, over new ones if those are dead."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._generations = Generations(clock)

    def write(self, chunks: Iterable[Sequence[Change]], count: int = 0) -> list[tuple[Change, ResponseError]]:
        """Write all changes; gives those that the server refused, each once with an error of it.

        `count` is how many chunks there are, if that is known beforehand: the last one then takes the question along.

        Raises CacheUnavailable if the server cannot be reached, also over a second connection; then any part may
        have been written, which does no harm: everything may be written again.
        """
        remaining = iter(chunks)
        sent: list[Change] = []
        try:
            return self._write(remaining, sent, count)
        except (redis.ConnectionError, *WRONG_SERVER, RedisClusterException) as error:
            logger.warning("connection to the read model replaced", reason=type(error).__name__)
        except RedisError as error:
            raise CacheUnavailable(f"The read model did not take the batch: {type(error).__name__}.") from error
        for chunk in remaining:
            sent.extend(chunk)
        try:
            renew(self._client)
            return self._write(iter([sent]), [], 1)
        except FAILURES as error:
            raise CacheUnavailable(f"The read model could not be reached: {type(error).__name__}.") from error

    def note_beat(self, beat: int, arrived_ms: int) -> None:
        """Note the newest heartbeat that arrived; an older one changes nothing. Raises CacheUnavailable."""
        Cache(self._client).run(lambda client: client.eval(BEAT, 1, HEARTBEAT_KEY, beat, arrived_ms))

    def _write(
        self, chunks: Iterator[Sequence[Change]], sent: list[Change], count: int
    ) -> list[tuple[Change, ResponseError]]:
        lines, whole = take(self._client), False
        try:
            written = self._generations.known(lambda: _asked(lines)).written
            calls: list[_Call] = []
            asked = False
            for number, chunk in enumerate(chunks, 1):
                sent.extend(chunk)
                if new := _calls(lines, chunk, written):
                    asked = number == count
                    _send(lines, new, ask=asked)
                    calls += new
            if calls and not asked:
                _send(lines, [], ask=True)
            refused = self._settle(lines, sent, written, calls) if calls else []
            whole = True
        finally:
            lines.release(broken=not whole)
        return list({id(change): (change, error) for change, error in refused}.values())

    def _settle(
        self, lines: Lines, changes: Sequence[Change], written: tuple[str, ...], calls: list[_Call]
    ) -> list[tuple[Change, ResponseError]]:
        """Read the answers to the calls and the control, and call again until nothing is missing.

        Gives what was refused.
        """
        final: list[tuple[Change, ResponseError]] = []
        for _ in range(_ROUNDS):
            unloaded: list[_Call] = []
            moved: list[tuple[Exception, _Call]] = []
            for call in calls:
                connection, together, _ = call
                try:
                    final += _refused(connection.read_response, together)
                except NoScriptError:
                    unloaded.append(call)
                except REDIRECTIONS as redirection:
                    moved.append((redirection, call))
            control = lines.control()
            self._generations.learn(control)
            for error, (_, together, generation) in moved:
                final += _refused(
                    partial(lines.redirected, error, _command("EVAL", SCRIPT, together, generation)), together
                )
            calls = []
            # A new server, or one that forgot its scripts.
            for connection in {call[0] for call in unloaded}:
                connection.send_command("SCRIPT", "LOAD", SCRIPT)
                connection.read_response()
            for _, together, generation in unloaded:
                calls += _calls(lines, together, (generation,))
            calls += _calls(lines, changes, [one for one in control.written if one not in written])
            if not calls:
                return final
            _send(lines, calls, ask=True)
            written += control.written
        raise CacheUnavailable("The read model forgets its script, or changes its generation, again and again.")


def _asked(lines: Lines) -> Control:
    lines.send({}, ask=True)
    return lines.control()


def _calls(lines: Lines, changes: Sequence[Change], generations: Sequence[str]) -> list[_Call]:
    if not (changes and generations):
        return []
    found = list(lines.split(changes))
    return [(connection, together, generation) for generation in generations for connection, together in found]


def _send(lines: Lines, calls: Iterable[_Call], *, ask: bool) -> None:
    packed: defaultdict[Any, list[bytes]] = defaultdict(list)
    for connection, together, generation in calls:
        packed[connection].append(pack(_command("EVALSHA", SHA, together, generation)))
    lines.send(packed, ask=ask)


def _refused(answer: Callable[[], Any], changes: Sequence[Change]) -> list[tuple[Change, ResponseError]]:
    """Take a call's answer; gives the changes that could not be written. Raises what concerns more than these."""
    try:
        found = answer()
    except (*WRONG_SERVER, *REDIRECTIONS, NoScriptError):
        raise
    except ResponseError as error:
        return [(change, error) for change in changes]
    return [
        (changes[number - 1], ResponseError(reason.decode(errors="replace")))
        for number, reason in zip(found[::2], found[1::2], strict=True)
    ]


def _command(how: str, script: str, changes: Sequence[Change], generation: str) -> tuple[str | int, ...]:
    """A call of the script, EVALSHA or EVAL. Packed by hiredis: redis-py's own way there takes 2.5 times as long."""
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
    return (how, script, len(keys), *keys, *arguments)
