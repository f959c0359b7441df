"""A schedule with stand-ins for Lambda, SQS and the clock: retries and their bounds, missed times, start and end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.twin.emulator.functions import wait_until
from twin.scheduler.scheduler import Scheduler
from twin.scheduler.settings import read_settings
from twin.tracing import Tracer

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:f"
QUEUE = "arn:aws:sqs:eu-central-1:000000000000:dead"
START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
INPUT = '{"due":"<aws.scheduler.scheduled-time>","attempt":"<aws.scheduler.attempt-number>"}'


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Invoke")


THROTTLED = refused("TooManyRequestsException", 429)
BROKEN = refused("ServiceException", 500)
DOWN = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


class Bench:
    """Stand-ins, and the schedules that run on them."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:1")
        self.failures: list[Exception] = []
        self.events: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self.before_invoke: Callable[[], None] = lambda: None
        self._folder = folder
        self._running: list[tuple[Scheduler, threading.Thread]] = []

    def invoke(self, **request: Any) -> None:
        assert (request["FunctionName"], request["InvocationType"]) == (FUNCTION, "Event")
        self.before_invoke()
        if self.failures:
            raise self.failures.pop(0)
        self.events.append(json.loads(request["Payload"]))

    def send_message(self, **request: Any) -> None:
        self.letters.append(request)

    def start(self, expression: str, *, retries: int = 3, age_s: int = 60, **more: Any) -> None:
        retry = {"maximumRetryAttempts": retries, "maximumEventAgeInSeconds": age_s}
        target = {"arn": FUNCTION, "input": INPUT, "retryPolicy": retry, "deadLetterConfig": {"arn": QUEUE}}
        settings = read_settings(
            {
                "name": "s",
                "arn": "arn:s",
                "schedule_expression": expression,
                "target": target,
                "aws": {},
                "folder": str(self._folder),
                **more,
            }
        )
        ready = threading.Event()
        tracer = Tracer(enabled=False)
        tracer.ready = ready.set  # type: ignore[method-assign]
        scheduler = Scheduler(settings, self, self, tracer, clock=lambda: self.now, retry_first_s=0.001)
        thread = threading.Thread(target=scheduler.run)
        thread.start()
        self._running.append((scheduler, thread))
        assert ready.wait(20)

    def stop(self) -> None:
        for scheduler, thread in self._running:
            scheduler.stop()
            thread.join(20)
            assert not thread.is_alive()
        self._running.clear()

    def done(self) -> str:
        return str(json.loads((self._folder / "memory.json").read_text())["done"])

    def until_done(self, moment: datetime) -> None:
        wait_until(lambda: self.done() == moment.isoformat(), f"{moment} to be done")

    def dues(self) -> list[str]:
        return [event["due"] for event in self.events]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Stand-ins whose schedules end with the test."""
    made = Bench(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("failure", [THROTTLED, BROKEN])
def test_a_refusal_that_may_pass_is_tried_again(bench: Bench, failure: ClientError) -> None:
    bench.failures = [failure] * 3
    bench.start("rate(1 minute)", retries=3)
    bench.until_done(START)
    assert bench.events == [{"due": "2026-11-21T10:00:00Z", "attempt": "4"}]
    assert bench.letters == []


def test_attempts_are_bounded(bench: Bench) -> None:
    bench.failures = [THROTTLED] * 9
    bench.start("rate(1 minute)", retries=2)
    bench.until_done(START)
    ((letter,), attempts_left) = bench.letters, len(bench.failures)
    values = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (values["EXHAUSTED_RETRY_CONDITION"], values["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "2")
    assert values["ERROR_CODE"] == "TooManyRequestsException"
    assert letter["QueueUrl"] == "http://127.0.0.1:1/000000000000/dead"
    assert attempts_left == 6
    assert bench.events == []


def test_the_age_of_an_invocation_is_bounded(bench: Bench) -> None:
    def pass_time() -> None:
        bench.now += timedelta(seconds=50)

    bench.before_invoke = pass_time
    bench.failures = [BROKEN] * 9
    bench.start("rate(1 day)", retries=100, age_s=60)
    bench.until_done(START)
    (letter,) = bench.letters
    values = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (values["EXHAUSTED_RETRY_CONDITION"], values["RETRY_ATTEMPTS"]) == ("MaximumEventAgeInSeconds", "1")


def test_a_refusal_that_stays_is_not_tried_again(bench: Bench) -> None:
    bench.failures = [refused("AccessDeniedException", 403)]
    bench.start("rate(1 minute)", retries=100)
    bench.until_done(START)
    (letter,) = bench.letters
    assert "EXHAUSTED_RETRY_CONDITION" not in letter["MessageAttributes"]
    assert bench.events == []


def test_a_service_that_is_down_is_waited_for_and_counts_no_attempt(bench: Bench) -> None:
    bench.failures = [DOWN] * 3
    bench.start("rate(1 minute)", retries=0)
    bench.until_done(START)
    assert bench.events == [{"due": "2026-11-21T10:00:00Z", "attempt": "1"}]


def test_missed_times_become_one_the_latest(bench: Bench) -> None:
    bench.start("rate(1 minute)")
    bench.until_done(START)
    bench.stop()
    bench.now += timedelta(minutes=5, seconds=30)
    bench.start("rate(1 minute)")
    bench.until_done(START + timedelta(minutes=5))
    assert bench.dues() == ["2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z"]


def test_a_single_moment_that_was_missed_is_made_up_for(bench: Bench) -> None:
    due = START + timedelta(minutes=1)
    bench.start("at(2026-11-21T10:01:00)")
    bench.stop()
    assert bench.events == []
    bench.now = due + timedelta(minutes=5)
    bench.start("at(2026-11-21T10:01:00)")
    bench.until_done(due)
    assert bench.dues() == ["2026-11-21T10:01:00Z"]


def test_a_changed_expression_begins_anew(bench: Bench) -> None:
    bench.start("rate(1 day)")
    bench.until_done(START)
    bench.stop()
    bench.now += timedelta(minutes=5)
    bench.start("rate(2 days)")
    bench.until_done(START + timedelta(minutes=5))
    assert len(bench.events) == 2


def test_nothing_before_the_start_date_and_nothing_from_the_end_date_on(bench: Bench) -> None:
    dates: dict[str, Any] = {"start_date": "2026-11-21T09:00:00Z", "end_date": "2026-11-21T10:20:00Z"}
    bench.now = START + timedelta(hours=3)
    bench.start("rate(10 minutes)", **dates)
    # It began after its end: none of its times is still to come.
    bench.stop()
    assert bench.events == []
    bench.now = START
    bench.start("rate(20 minutes)", **dates)
    bench.until_done(START)
    bench.stop()
    bench.now = START + timedelta(hours=3)
    bench.start("rate(20 minutes)", **dates)
    bench.stop()
    assert bench.dues() == ["2026-11-21T10:00:00Z"]
