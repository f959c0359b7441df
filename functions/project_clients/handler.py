"""Projects the events of an SQS batch into the read model.

Every record that is not projected is reported (ReportBatchItemFailures), so that SQS delivers it again and in the end
moves it to the dead-letter queue: a damaged or unknown event alone, a client that the server refused with all its
messages, everything if the read model is out of reach. Source: "Handling errors for an SQS event source in
Lambda" (AWS Lambda Developer Guide).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from functions.common.cache import connect
from functions.common.errors import CacheUnavailable, EventError
from functions.common.events import ClientEvent, Heartbeat, decode
from functions.common.settings import CacheSettings, Environment
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.common.tracing import sampled
from functions.project_clients.fold import Change, fold
from functions.project_clients.writer import ReadModelWriter

# Few, so that the server begins early, and is soon done once the last ones have been sent.
CHUNK = 16
MOST_TRACES = 10
MOST_IDS = 10


@cache
def read_model() -> ReadModelWriter:
    """The writer that the environment names, made at the first batch; its connection outlives batches."""
    return ReadModelWriter(connect(CacheSettings.read(Environment())))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    batch = Batch(event["Records"])
    try:
        writer = read_model()
    except CacheUnavailable as error:
        batch.fail(error)
    else:
        batch.project(writer)
    batch.report()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in batch.failed]}


class Batch:
    """One SQS batch on its way into the read model. `failed` has the ids of the messages to deliver again."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records
        self.failed: list[str] = []
        self._times: list[str] = []
        self._traceparents: list[str | None] = []
        # Beats by the id of their message.
        self._beats: dict[str, int] = {}

    def project(self, writer: ReadModelWriter) -> None:
        """Decode, fold and write; collects what failed and raises nothing for it."""
        # Events make no reference cycles, and looking for some takes a sixth of the time.
        gc.disable()
        try:
            starts = range(0, len(self.records), CHUNK)
            refused = writer.write(map(self._chunk, starts), len(starts))
        except CacheUnavailable as error:
            self.fail(error)
            return
        finally:
            gc.enable()
        for change, reason in refused:
            logger.error(
                "client not projected",
                id_client=change.client.id,
                message_ids=change.message_ids[:MOST_IDS],
                reason=str(reason),
            )
            self.failed.extend(change.message_ids)
        self._note_beats(writer)

    def fail(self, error: CacheUnavailable) -> None:
        """Nothing was projected, as far as is known."""
        logger.error("batch not projected", reason=str(error))
        self.failed = [record["messageId"] for record in self.records]

    def _note_beats(self, writer: ReadModelWriter) -> None:
        """After the clients: a heartbeat says that what stood before it has arrived."""
        if not self._beats:
            return
        try:
            writer.note_beat(max(self._beats.values()), round(time.time() * 1000))
        except CacheUnavailable as error:
            logger.error("heartbeat not noted", message_ids=list(self._beats)[:MOST_IDS], reason=str(error))
            self.failed.extend(self._beats)

    def report(self) -> None:
        """One log line and the metrics, however many events there are.

        The line names the first few sampled traces. The lag is that of the oldest event, from its commit until now.
        """
        failed = len(self.failed)
        projected = len(self.records) - failed
        fields: dict[str, Any] = {"records": len(self.records), "projected": projected, "failed": failed}
        if self._times and projected:
            # All in one form (see events.py), so the least text is the earliest time.
            oldest = datetime.fromisoformat(min(self._times)).timestamp()
            fields["lag_ms"] = max(0, round((time.time() - oldest) * 1000))
            metrics.add_metric(name="ProjectionLag", unit=MetricUnit.Milliseconds, value=fields["lag_ms"])
        if traces := sampled(self._traceparents, MOST_TRACES):
            fields["trace_ids"] = traces
        logger.info("batch projected", extra=fields)
        metrics.add_metric(name="EventsProjected", unit=MetricUnit.Count, value=projected)
        metrics.add_metric(name="EventsFailed", unit=MetricUnit.Count, value=failed)
        metrics.flush_metrics()

    def _chunk(self, start: int) -> list[Change]:
        return fold(self._decoded(self.records[start : start + CHUNK]))

    def _decoded(self, records: list[dict[str, Any]]) -> Iterator[tuple[str, ClientEvent]]:
        for record in records:
            message_id = record["messageId"]
            try:
                event = decode(record["body"])
            except EventError as error:
                # Never silent: delivered again, then in the dead-letter queue, whose alarm calls a person.
                logger.error("message refused", message_id=message_id, kind=type(error).__name__, reason=str(error))
                self.failed.append(message_id)
            else:
                if type(event) is Heartbeat:
                    # Not part of the lag, which is that of what happened; heartbeats have a metric of their own.
                    self._beats[message_id] = event.beat
                    continue
                self._times.append(event.time)
                self._traceparents.append(event.traceparent)
                yield message_id, event
