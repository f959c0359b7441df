"""Mails a client about each of its orders, from the events of an SQS batch.

Every message that may still lead to a mail and did not is reported (ReportBatchItemFailures), so that SQS delivers it
again and in the end moves it to the dead-letter queue: damaged or unknown events, mails that SES refused, and, when
SES or the ledger is out of reach, all that is left of the batch. An order too old to be mailed about, or a client
whose address can receive nothing, is withheld: counted, logged, and done with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from functions.common.errors import EventError, UnknownEvent
from functions.common.events import OrderPlaced, decode
from functions.common.settings import Environment
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.common.tracing import sampled
from functions.notify_client.clients import connect
from functions.notify_client.errors import LedgerUnavailable, NotifyError, PostUnavailable
from functions.notify_client.ledger import Ledger
from functions.notify_client.letter import order_letter
from functions.notify_client.post import LONGEST_CALL_MS, Post
from functions.notify_client.settings import MailSettings

MOST_TRACES = 10


class Context(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


@cache
def mailing() -> tuple[MailSettings, Post, Ledger]:
    """What the environment names, made at the first batch; connections outlive batches."""
    settings, clients = MailSettings.read(Environment()), connect()
    return settings, Post(settings, clients.mail), Ledger(settings.ledger_table, settings.keep_s, clients.table)


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Lambda's entry."""
    settings, post, ledger = mailing()
    ledger.bound_by(context)
    batch = Batch(event["Records"], settings.max_age_s)
    batch.mail(post, ledger, context)
    batch.report()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in batch.failed]}


class Batch:
    """One SQS batch on its way to the clients. `failed` has the ids of the messages to deliver again."""

    def __init__(self, records: list[dict[str, Any]], max_age_s: int) -> None:
        self.records = records
        self.failed: list[str] = []
        self._max_age_s = max_age_s
        self._counts = {"sent": 0, "repeated": 0, "too_old": 0, "unaddressed": 0}
        self._sent_times: list[float] = []
        self._traceparents: list[str | None] = []

    def mail(self, post: Post, ledger: Ledger, context: Context) -> None:
        """Send what has to be sent; collects what failed and raises nothing for it."""
        # A send that Lambda cuts off may have been taken: none is started that could not end in time.
        reserve_ms = min(LONGEST_CALL_MS, context.get_remaining_time_in_millis() // 2)
        events = self._decoded()
        for message_id, event in events:
            if context.get_remaining_time_in_millis() < reserve_ms:
                logger.warning("batch cut short", reason="the invocation's time runs out")
                self._give_back(message_id, events)
                return
            try:
                self._counts[self._one(event, post, ledger)] += 1
            except (PostUnavailable, LedgerUnavailable) as error:
                # Not asked again for each of the others: who is overloaded is left alone.
                logger.error("batch given back", event_id=event.id, kind=type(error).__name__, reason=str(error))
                self._give_back(message_id, events)
                return
            except NotifyError as error:
                logger.error("mail not sent", event_id=event.id, kind=type(error).__name__, reason=str(error))
                self.failed.append(message_id)

    def report(self) -> None:
        """One log line and the metrics. The lag is that of the oldest order mailed about, from its commit until now."""
        fields: dict[str, Any] = {"records": len(self.records), **self._counts, "failed": len(self.failed)}
        if self._sent_times:
            fields["lag_ms"] = max(0, round((time.time() - min(self._sent_times)) * 1000))
            metrics.add_metric(name="NotificationLag", unit=MetricUnit.Milliseconds, value=fields["lag_ms"])
        if traces := sampled(self._traceparents, MOST_TRACES):
            fields["trace_ids"] = traces
        logger.info("batch mailed", extra=fields)
        withheld = self._counts["too_old"] + self._counts["unaddressed"]
        for name, value in {
            "MailsSent": self._counts["sent"],
            "MailsFailed": len(self.failed),
            "MailsWithheld": withheld,
        }.items():
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
        metrics.flush_metrics()

    def _one(self, event: OrderPlaced, post: Post, ledger: Ledger) -> str:
        """Mail about one order; gives what became of it."""
        committed = datetime.fromisoformat(event.time).timestamp()
        if time.time() - committed > self._max_age_s:
            # Before the ledger is asked: a reload of an old outbox brings orders whose records are gone.
            return "too_old"
        recipient = post.recipient(event.client.email)
        if recipient is None:
            logger.warning("client cannot be mailed", event_id=event.id, id_client=event.client.id)
            return "unaddressed"
        letter = order_letter(event)
        if not ledger.once(event.id, lambda: post.send(letter, to=recipient, event_id=event.id)):
            return "repeated"
        self._sent_times.append(committed)
        return "sent"

    def _give_back(self, message_id: str, rest: Iterator[tuple[str, OrderPlaced]]) -> None:
        self.failed += [message_id, *(each for each, _ in rest)]

    def _decoded(self) -> Iterator[tuple[str, OrderPlaced]]:
        for record in self.records:
            message_id = record["messageId"]
            try:
                event = decode(record["body"])
                if not isinstance(event, OrderPlaced):
                    raise UnknownEvent("no mail is written about this type of event")
            except EventError as error:
                # Never silent: delivered again, then in the dead-letter queue, whose alarm calls a person.
                logger.error("message refused", message_id=message_id, kind=type(error).__name__, reason=str(error))
                self.failed.append(message_id)
            else:
                self._traceparents.append(event.traceparent)
                yield message_id, event
