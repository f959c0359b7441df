"""A database with an outbox, a fake Kinesis, and capture tasks between them as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.twin.capture.documents import spec_document
from tests.twin.capture.fake_kinesis import FakeKinesis, Taken
from twin.capture.spec import Spec, parse_spec
from twin.servers.postgres import PostgresServer

DEADLINE_S = 40.0

OUTBOX = """
create table outbox (
    id uuid primary key default gen_random_uuid(),
    aggregate_type varchar(64) not null default 'client',
    aggregate_id varchar(64) not null default '1',
    event_type varchar(128) not null default 'orders.OrderPlaced.v1',
    version bigint not null,
    payload varchar(7900) not null default '{"a":"b"}',
    occurred_at timestamptz not null default now()
)
"""


def until(condition: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
    """Wait until a condition holds and give its value."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.01)
    return value


class Database:
    """The source, as its owner sees it."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name

    def execute(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.server.dsn(self.name))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def place(self, first: int, last: int, client: str = "1") -> None:
        """Commit one event a transaction, of versions first to last."""
        connection = psycopg2.connect(self.server.dsn(self.name))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for version in range(first, last + 1):
                    cursor.execute("insert into outbox (aggregate_id, version) values (%s, %s)", (client, version))
        finally:
            connection.close()

    def slot(self) -> dict[str, Any] | None:
        rows = self.execute(
            "select slot_name, active, active_pid, confirmed_flush_lsn - '0/0', pg_current_wal_lsn() - '0/0' "
            "from pg_replication_slots where database = %s",
            self.name,
        )
        return dict(zip(("name", "active", "pid", "confirmed", "written"), rows[0], strict=True)) if rows else None


class Capture:
    """A capture task in a process of its own."""

    def __init__(self, document: dict[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.document = document
        self.folder = folder
        self.path = folder / "spec.json"
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def spec(self) -> Spec:
        return parse_spec(self.document)

    def start(self, *options: str, trace: bool = False) -> None:
        self.path.write_text(json.dumps(self.document))
        with (self.folder / "out").open("ab") as out, (self.folder / "log").open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "twin.capture", str(self.path), *options],
                stdout=out,
                stderr=log,
                env={**os.environ, "TWIN_TRACE": "1" if trace else ""},
            )

    def run(self, *options: str) -> int:
        self.start(*options)
        return self.wait()

    def wait(self) -> int:
        assert self._popen is not None
        return self._popen.wait(DEADLINE_S)

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = (self.folder / "out").read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def until_ready(self) -> None:
        until(lambda: {"hop": "ready"} in self.lines or not self.running, "ready")
        assert self.running, self.log

    def until_streaming(self) -> None:
        """Until the full load is done and changes are read."""
        until(lambda: "Reading slot" in self.log or not self.running, "changes to be read")
        assert self.running, self.log

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self._popen is None:
            return 0
        if self._popen.poll() is None:
            self._popen.send_signal(number)
        return self._popen.wait(DEADLINE_S)


@pytest.fixture
def kinesis() -> Iterator[FakeKinesis]:
    fake = FakeKinesis()
    yield fake
    fake.stop()


@pytest.fixture
def source(postgres: PostgresServer, database: str) -> Iterator[Database]:
    """A database with an empty outbox, and the role of the task: replication and select, nothing else."""
    source = Database(postgres, database)
    source.execute(
        "do $$ begin if not exists (select from pg_roles where rolname = 'dms') then "
        "create role dms login replication password 'secret'; end if; end $$"
    )
    source.execute(OUTBOX)
    source.execute("grant select on outbox to dms")
    yield source
    source.execute("drop owned by dms cascade")


@pytest.fixture
def start_task(source: Database, kinesis: FakeKinesis, tmp_path: Path) -> Iterator[Callable[..., Capture]]:
    """Make tasks from the source to the fake Kinesis; killed at the end."""
    tasks: list[Capture] = []

    def make(**overrides: Any) -> Capture:
        folder = tmp_path / f"task{len(tasks)}"
        document = spec_document(
            source__port=source.server.port,
            source__database=source.name,
            aws__endpoint_url=kinesis.endpoint,
            folder=str(folder),
            **overrides,
        )
        tasks.append(Capture(document, folder))
        return tasks[-1]

    yield make
    for task in tasks:
        task.kill()


def versions(taken: list[Taken]) -> list[int]:
    return [int(record.row["version"]) for record in taken]
