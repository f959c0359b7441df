"""The connections that a batch is written over: one to a single server, or one to each shard that is concerned.

Both ways are alike to the writer. `split` says which changes can go in one call of the script: all of them where there
is one server, those of one slot where there are several shards, which is mostly one client.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import hiredis
import redis
from redis.crc import key_slot
from redis.exceptions import ClusterError, ResponseError

from functions.common.cache import Client, disconnect, unavailable
from functions.common.generations import CONTROL_FIELDS, Control, control_of
from functions.common.read_model import CONTROL, client_key
from functions.project_clients.fold import Change

# hiredis declares a tuple of one member and no result, and means any tuple and bytes.
pack: Callable[[tuple[str | int, ...]], bytes] = cast("Any", hiredis.pack_command)
_ASK = pack(("HMGET", CONTROL, *CONTROL_FIELDS))


class Lines(Protocol):
    """What the writer needs. redis-py leaves the methods of its connections without types."""

    def split(self, changes: Sequence[Change]) -> Iterator[tuple[Any, Sequence[Change]]]:
        """Changes that can go in one call, each with the connection to send it over."""
        ...

    def send(self, commands: Mapping[Any, Sequence[bytes]], *, ask: bool) -> None:
        """Send packed commands, each over its connection; behind them, if `ask`, the question for the control."""
        ...

    def control(self) -> Control:
        """The answer to that question; on one server it is behind the answers to what was sent before."""
        ...

    def redirected(self, error: Exception, command: tuple[str | int, ...]) -> list[Any]:
        """Run a command that a shard sent elsewhere with `error`; gives its answer."""
        ...

    def release(self, *, broken: bool) -> None:
        """Give the connections back; if `broken`, answers may be on their way that nobody will read."""
        ...


class OneServer:
    """One connection to the only server."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._connection: Any = self._pool.get_connection()

    def split(self, changes: Sequence[Change]) -> Iterator[tuple[Any, Sequence[Change]]]:
        """See `Lines`."""
        yield self._connection, changes

    def send(self, commands: Mapping[Any, Sequence[bytes]], *, ask: bool) -> None:
        """See `Lines`. The question goes along with the commands: each piece by itself wakes the server."""
        packed = [*commands.get(self._connection, ()), *([_ASK] if ask else [])]
        self._connection.send_packed_command([b"".join(packed)])

    def control(self) -> Control:
        """See `Lines`."""
        return control_of(self._connection.read_response())

    def redirected(self, error: Exception, command: tuple[str | int, ...]) -> list[Any]:
        """See `Lines`. Raises CacheUnavailable: there is nowhere else to go."""
        raise unavailable(error) from error

    def release(self, *, broken: bool) -> None:
        """See `Lines`."""
        if broken:
            self._connection.disconnect()
        self._pool.release(self._connection)


class Shards:
    """Connections to the shards of a cluster, each taken when its first change comes."""

    def __init__(self, client: redis.RedisCluster) -> None:
        self._client = client
        self._held: dict[str, tuple[Any, Any]] = {}

    def split(self, changes: Sequence[Change]) -> Iterator[tuple[Any, Sequence[Change]]]:
        """See `Lines`."""
        slots: defaultdict[int, list[Change]] = defaultdict(list)
        for change in changes:
            # The braces make it the slot of all keys of the client, in each generation.
            slots[key_slot(client_key(change.client.id).encode())].append(change)
        for slot, together in slots.items():
            yield self._connection(slot), together

    def send(self, commands: Mapping[Any, Sequence[bytes]], *, ask: bool) -> None:
        """See `Lines`. The control is asked for when it is wanted: it may be in another shard than what is written."""
        for connection, packed in commands.items():
            connection.send_packed_command([b"".join(packed)])

    def control(self) -> Control:
        """See `Lines`."""
        return control_of(cast("list[bytes | None]", self._client.hmget(CONTROL, CONTROL_FIELDS)))

    def redirected(self, error: Exception, command: tuple[str | int, ...]) -> list[Any]:
        """See `Lines`. The client follows, and learns from it where the slots are now.

        Raises ResponseError while the slot is on its way: two keys that are not there yet can then be written nowhere.
        """
        execute: Callable[..., Any] = self._client.execute_command
        try:
            return cast("list[Any]", execute(*command))
        except ClusterError as still:
            raise ResponseError(f"{error}; {still}") from still

    def release(self, *, broken: bool) -> None:
        """See `Lines`."""
        for pool, connection in self._held.values():
            if broken:
                connection.disconnect()
            pool.release(connection)

    def _connection(self, slot: int) -> Any:
        node = self._client.nodes_manager.get_node_from_slot(slot)
        if node.name not in self._held:
            pool: Any = self._client.get_redis_connection(node).connection_pool
            self._held[node.name] = pool, pool.get_connection()
        return self._held[node.name][1]


def take(client: Client) -> Lines:
    """Lines of the client, to be released. Raises redis-py's errors."""
    return Shards(client) if isinstance(client, redis.RedisCluster) else OneServer(client)


def renew(client: Client) -> None:
    """Forget all connections, and of a cluster which shards there are. Raises redis-py's errors."""
    disconnect(client)
    if isinstance(client, redis.RedisCluster):
        client.nodes_manager.initialize()
