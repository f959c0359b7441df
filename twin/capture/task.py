"""One replication task from start to stop: slot, full load, changes, and again after every failure.

First start: the checkpoint says `load`, then the slot is made (a leftover of the same name goes), its
snapshot is loaded, and when Kinesis has all of it the checkpoint says `cdc`. A crash before that starts
from the beginning. After it the task always resumes from the slot; a slot that is gone fails the task,
because changes are lost then, and only `--reload` (reload-target of DMS) makes the target complete.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg2

from twin.capture import slot
from twin.capture import source as db
from twin.capture.assembly import make_policies, make_sink, make_writer
from twin.capture.backoff import Backoff
from twin.capture.catalog import list_tables
from twin.capture.changes import Changes
from twin.capture.checkpoint import Checkpoint, Progress
from twin.capture.errors import ReloadError, SourceError, StoppedError
from twin.capture.heartbeat import Heartbeat
from twin.capture.load import FullLoad
from twin.capture.record import RecordWriter
from twin.capture.sink import KinesisSink
from twin.capture.spec import Spec
from twin.capture.stream import Stream
from twin.tracing import Tracer

log = logging.getLogger(__name__)

CLOSE_S = 0.5
_FIRST_S, _LONGEST_S = 0.1, 5.0


class Task:
    """Runs a task in the calling thread until it is stopped.

    Args:
        spec: the task.
        trace: where hops are told.
    """

    def __init__(self, spec: Spec, trace: Tracer) -> None:
        self._spec = spec
        self._trace = trace
        self._stop = threading.Event()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._checkpoint = Checkpoint(spec.folder)
        self._retries = spec.settings.error_behavior.recoverable_error_count
        self._backoff = Backoff(self._stop, _FIRST_S, _LONGEST_S, self._retries)
        self._begun = False
        self._heartbeat: Heartbeat | None = None
        self._stream: Stream | None = None
        self._sink: KinesisSink | None = None

    def stop(self) -> None:
        """Ask the task to end; may be called by a signal handler or another thread."""
        self._stop.set()
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            return

    def run(self) -> None:
        """Capture until stopped.

        Raises:
            CaptureError: the task cannot go on; see the tree of errors.
        """
        try:
            while not self._stop.is_set():
                try:
                    self._run_once()
                except psycopg2.errors.InsufficientPrivilege as error:
                    raise SourceError(
                        f"Role {self._spec.source.username} may not do what the task needs: {str(error).strip()}. "
                        "It needs replication, and select on the tables."
                    ) from error
                except psycopg2.Error as error:
                    reason = f"Source {self._spec.source.host}:{self._spec.source.port}: {str(error).strip()}"
                    log.warning("%s", reason)
                    self._backoff.pause(reason)
        finally:
            self._stop.set()
            if self._sink is not None:
                self._sink.close(CLOSE_S)

    def _run_once(self) -> None:
        source = self._spec.source
        silent_s = db.check(source)
        progress = self._resume() or self._begin()
        if self._stop.is_set():
            return
        if self._heartbeat is None and source.postgres_settings.heartbeat_enable:
            self._heartbeat = Heartbeat(source, self._spec.resource_identifier, self._stop)
            self._heartbeat.start()
        if self._stream is None:
            self._stream = self._make_stream(progress, silent_s)
        try:
            self._stream.run(on_started=self._started)
        except psycopg2.errors.UndefinedObject as error:
            raise self._lost(f"the slot is gone ({str(error).strip()})") from error

    def _started(self) -> None:
        self._backoff.reset()
        self._trace.ready()
        log.info("Reading slot %s of %s", self._spec.slot_name, self._spec.source.database)

    def _resume(self) -> Progress | None:
        progress = self._checkpoint.read()
        if progress is None and self._begun:
            raise self._lost("its checkpoint is gone")
        self._begun = progress is not None
        if progress is None or progress.phase == "load":
            return None
        if progress.slot != self._spec.slot_name:
            raise ReloadError(
                f"{self._spec.folder} holds the checkpoint of another task (slot {progress.slot}). "
                "Give each task a folder of its own, or start this one with --reload."
            )
        if progress.phase == "slot":
            return self._begin_cdc(keep=True)
        if progress.system != db.system_identifier(self._spec.source):
            raise self._lost("the database server is another one than before")
        if not slot.slot_exists(self._spec.source, self._spec.slot_name):
            raise self._lost("the slot is gone")
        return progress

    def _lost(self, why: str) -> ReloadError:
        return ReloadError(
            f"Task {self._spec.task_id} cannot resume at slot {self._spec.slot_name}: {why}. Changes are lost to it. "
            "Start it with --reload (reload-target) to load the target anew."
        )

    def _begin(self) -> Progress:
        if self._spec.migration_type == "cdc":
            return self._begin_cdc(keep=False)
        name = self._spec.slot_name
        progress = Progress("load", name, db.system_identifier(self._spec.source))
        self._checkpoint.write(progress)
        self._begun = True
        slot.release(self._spec.source, name)
        with db.replication(self._spec.source) as opened:
            snapshot = slot.create_slot(opened, name)
            log.info("Full load from the snapshot of slot %s", name)
            self._trace.ready()
            with db.snapshot(self._spec.source, snapshot) as reader:
                progress = self._load(reader, progress)
        if not self._stop.is_set():
            progress = replace(progress, phase="cdc")
            self._checkpoint.write(progress)
        return progress

    def _begin_cdc(self, *, keep: bool) -> Progress:
        source, name = self._spec.source, self._spec.slot_name
        progress = Progress("slot", name, db.system_identifier(source))
        self._checkpoint.write(progress)
        self._begun = True
        if not keep:
            slot.release(source, name)
        if not slot.slot_exists(source, name):
            with db.replication(source) as opened:
                slot.create_slot(opened, name)
        with db.connection(source) as opened, opened.cursor() as cursor:
            progress = replace(progress, phase="cdc", tables=self._select(cursor))
        self._checkpoint.write(progress)
        return progress

    def _select(self, cursor: Any) -> tuple[tuple[str, str], ...]:
        mappings = self._spec.table_mappings
        tables = tuple(name for name in list_tables(cursor) if mappings.selects(*name))
        if not tables:
            message = f"The table mappings match no table of database {self._spec.source.database}."
            if self._spec.settings.error_behavior.fail_on_no_tables_captured:
                raise StoppedError(f"{message} The task stops (FailOnNoTablesCaptured).")
            log.error("%s Nothing is captured, also no table that is made later.", message)
        return tables

    def _load(self, reader: Any, progress: Progress) -> Progress:
        with reader.cursor() as cursor:
            progress = replace(progress, tables=self._select(cursor))
        policies = make_policies(self._spec, progress)
        sink = self._make_sink(self._spec.settings.target_metadata.parallel_load_threads)
        try:
            load = FullLoad(sink, policies, self._trace, self._stop)
            for schema, table in progress.tables:
                with reader.cursor() as cursor:
                    writer = make_writer(self._spec, policies, cursor, schema, table)
                if writer is not None:
                    load.table(reader, writer)
            load.wait()
        finally:
            sink.close(CLOSE_S)
        return replace(progress, suspended=policies.suspended)

    def _make_sink(self, lanes: int) -> KinesisSink:
        return make_sink(self._spec, lanes, self._wake_write, partial(self._trace.hop, "stream"))

    def _make_stream(self, progress: Progress, silent_s: float) -> Stream:
        policies = make_policies(
            self._spec, progress, lambda names: self._checkpoint.write(replace(progress, suspended=names))
        )

        def lookup(schema: str, table: str) -> RecordWriter | None:
            if (schema, table) not in progress.tables:
                if self._spec.table_mappings.selects(schema, table):
                    log.warning("%s.%s was made after the task began: it is not captured until a reload", schema, table)
                return None
            with db.connection(self._spec.source) as opened, opened.cursor() as cursor:
                return make_writer(self._spec, policies, cursor, schema, table)

        details = bool(self._spec.target.kinesis_settings.include_transaction_details)
        changes = Changes(lookup, policies, details=details, trace=self._trace.enabled)
        self._sink = self._make_sink(self._spec.settings.target_metadata.parallel_apply_threads)
        return Stream(
            self._spec.source,
            self._spec.slot_name,
            changes,
            self._sink,
            wake=self._wake_read,
            stop=self._stop,
            on_log=lambda events, commits: self._trace.hop("log", events, commits=list(commits)),
            silent_s=silent_s,
        )
