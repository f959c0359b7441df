"""Drills: what stores and checkpoints go through."""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections.abc import Iterator

import psycopg2

from drills.errors import DrillError, InvariantBroken
from drills.operator import command
from drills.registry import drill
from drills.scene import Scene
from ops.rebuild import rebuild

ORDERS_BETWEEN = 8
BEGIN_S = 0.3
FULL_S = 5.0


@drill("postgres-restart", "a transaction that was not committed is seen by nobody, one that was is kept")
def postgres_restart(scene: Scene) -> None:
    """The server is restarted while a transaction has written an order, its event and its key, but has not ended."""
    with scene.load() as load:
        scene.orders(load, ORDERS_BETWEEN)
        half = psycopg2.connect(scene.stores.dsn())
        with half.cursor() as cursor:
            # The row of a client whose orders wait for this one, as they would for a slow colleague.
            cursor.execute(
                "select * from place_order('drill-half', 'drill', '1 day'::interval, %s, array[3]::bigint[], array[1])",
                [scene.clients[0]],
            )
        with scene.fault("restart of PostgreSQL in mid-transaction"):
            scene.process("postgres").restart()
        half.close()
        scene.orders(load, ORDERS_BETWEEN)
    ((kept,),) = scene.stores.rows("select count(*) from idempotency_key where key = 'drill-half'")
    if kept:
        raise InvariantBroken(["the transaction that was cut off left its key"])


@drill("valkey-empty", "the read model can always be rebuilt from the write model, while orders come in")
def valkey_empty(scene: Scene) -> None:
    """The read model loses everything; an operator rebuilds it."""
    with scene.load() as load:
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault("loss of all of Valkey, then a rebuild"):
            with scene.stores.cache() as cache:
                cache.flushall()
            begun = time.monotonic()
            command(scene.twin.folder.outputs_file, rebuild, rate=10_000, resume=False, first=1)
            scene.result.notes.append(f"rebuilt in {time.monotonic() - begun:.1f} s")
        scene.orders(load, ORDERS_BETWEEN)


@drill("disk-full", "a checkpoint that cannot be written stops nothing for good, and loses nothing")
def disk_full(scene: Scene) -> None:
    """No file of the pipe or the capture can be written.

    By a limit of size 0 on the files of each process (RLIMIT_FSIZE), which needs no rights: a write fails with "file
    too large" where a full disk says "no space left"; to the programs both are an OSError of the same call.
    """
    with scene.load() as load:
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault("nothing can be written by pipe and capture"), _unable_to_write(scene, "pipe-", "capture"):
            # Of a write that was under way.
            time.sleep(BEGIN_S)
            before = _written(scene)
            until = time.monotonic() + FULL_S
            scene.until(lambda: time.monotonic() > until, "the time of the full disk")
            if _written(scene) != before:
                raise DrillError("a checkpoint was written while the disk was full")
        scene.orders(load, ORDERS_BETWEEN)


def _written(scene: Scene) -> dict[str, int]:
    """When each of the pipe's checkpoints was written, in nanoseconds."""
    files = (scene.twin.folder.data / "pipe").rglob("shardId-*.json")
    return {file.name: file.stat().st_mtime_ns for file in files}


@contextlib.contextmanager
def _unable_to_write(scene: Scene, *prefixes: str) -> Iterator[None]:
    over = threading.Event()

    def limit(size: int) -> None:
        for process in [scene.process(prefix) for prefix in prefixes]:
            pid = process.pid
            if pid is not None:
                with contextlib.suppress(OSError):
                    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))

    def keep() -> None:
        # One that ends for it is started again, on a disk that is still full.
        while not over.wait(0.02):
            limit(0)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        limit(resource.RLIM_INFINITY)
