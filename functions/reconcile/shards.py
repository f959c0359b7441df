"""What takes another way where the read model is on several shards: looking at keys, and many calls at once.

A pipeline of redis-py for a cluster takes no scripts, so there each call has a request of its own; a page of a rebuild
is then as many round trips as it has clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import redis

from functions.common.cache import Client


def each_client(client: Client, ids: Iterable[int], commands: Callable[[Any, int], object]) -> list[Any]:
    """Answers to the commands that `commands` puts to a pipeline for each client, errors among them.

    On one server it is all of one moment. On several shards it is not: what differs is looked at again anyway.
    """
    # redis-py leaves the cluster's pipeline without types.
    pipelines: Any = client
    with pipelines.pipeline(transaction=not isinstance(client, redis.RedisCluster)) as pipeline:
        for number in ids:
            commands(pipeline, number)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers


def call_script(client: Client, text: str, calls: Iterable[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
    """Answers of a script to some calls, each with keys of one client and arguments."""
    script = client.register_script(text)
    if isinstance(client, redis.RedisCluster):
        return [script(keys=keys, args=arguments) for keys, arguments in calls]
    with client.pipeline(transaction=False) as pipeline:
        for keys, arguments in calls:
            script(keys=keys, args=arguments, client=pipeline)
        return pipeline.execute()


def scan(client: Client, cursor: str, pattern: str, count: int) -> tuple[str, list[bytes]]:
    """Some of the keys that match, and where to go on: "0" is where to begin, and the end.

    Of several shards one is looked at after the other, and the cursor also says which. If there are more or less of
    them between two calls, what was seen is not all.
    """
    if not isinstance(client, redis.RedisCluster):
        following, keys = cast("tuple[int, list[bytes]]", client.scan(int(cursor), match=pattern, count=count))
        return str(following), keys
    listed: Callable[[], list[Any]] = client.get_primaries  # redis-py leaves it without types
    primaries = sorted(listed(), key=lambda node: str(node.name))
    at, shard = divmod(int(cursor), len(primaries))
    node = primaries[shard]
    found: Any = client.scan(at, match=pattern, count=count, target_nodes=node)
    cursors, keys = found
    if cursors[node.name] != 0:
        return str(cursors[node.name] * len(primaries) + shard), keys
    return str((shard + 1) % len(primaries)), keys


def unlink(client: Client, keys: Sequence[bytes]) -> int:
    """Remove keys, of any slots; gives how many there were."""
    if not isinstance(client, redis.RedisCluster):
        return client.unlink(*keys) if keys else 0
    pipelines: Any = client
    with pipelines.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.unlink(key)
        return sum(pipeline.execute())


def memory(client: Client) -> tuple[int, int]:
    """Bytes used, and how many may be (0: any), of the server; of several the fullest."""
    if isinstance(client, redis.RedisCluster):
        told: list[Any] = list(client.info("memory", target_nodes=redis.RedisCluster.PRIMARIES).values())
    else:
        told = [client.info("memory")]
    return max((int(one["used_memory"]), int(one.get("maxmemory", 0))) for one in told)
