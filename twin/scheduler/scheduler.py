"""Runs one schedule: waits for its times, invokes the function, tries again, writes dead letters.

At least once, as on AWS: a time is done when Lambda took the invocation (or it was given up), and only then is that
remembered. Times that passed while the process was down, or busy with an earlier one, become one invocation, the
latest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from twin.aws_clients import queue_url
from twin.aws_errors import UNREACHABLE, code_of, is_throttling, pause_s, status_of
from twin.scheduler.expression import Expression
from twin.scheduler.invocation import AGE, ATTEMPTS, Invocation
from twin.scheduler.memory import Memory, MemoryFile
from twin.scheduler.settings import ScheduleSettings
from twin.tracing import Tracer

RETRY_FIRST_S, RETRY_MOST_S = 1.0, 60.0
UNREACHABLE_FIRST_S, UNREACHABLE_MOST_S = 0.05, 1.0
# Clocks are set; who waits looks again.
LONGEST_WAIT_S = 30.0
JUST_BEFORE = timedelta(microseconds=1)

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The schedule was told to stop while it waited."""


class Scheduler:
    """Runs one schedule until it is stopped.

    Args:
        settings: checked settings.
        lambda_client: boto3 client that does not retry by itself.
        sqs_client: boto3 client that does not retry by itself.
        tracer: for the line that says it is ready.
        clock: the time, aware.
        retry_first_s: pause before the second attempt.
    """

    def __init__(
        self,
        settings: ScheduleSettings,
        lambda_client: Any,
        sqs_client: Any,
        tracer: Tracer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        retry_first_s: float = RETRY_FIRST_S,
    ) -> None:
        self._settings = settings
        self._lambda = lambda_client
        self._sqs = sqs_client
        self._tracer = tracer
        self._clock = clock
        self._retry_first_s = retry_first_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the schedule to end. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Run until stopped."""
        file = MemoryFile(self._settings.folder)
        memory = file.take(self._settings.identity, self._clock())
        expression = self._settings.expression(self._settings.start or memory.began)
        self._tracer.ready()
        try:
            while True:
                due = self._due(expression, memory)
                if due is None:
                    log.info("The schedule %s has no further time.", self._settings.name)
                    self._stopping.wait()
                    return
                left_s = (due - self._clock()).total_seconds()
                if left_s > 0:
                    self._pause(min(left_s, LONGEST_WAIT_S))
                    continue
                self._carry_out(due)
                memory = replace(memory, done=due)
                file.save(memory)
        except _StoppedError:
            pass

    def _due(self, expression: Expression, memory: Memory) -> datetime | None:
        """The next time, or the latest of those that have passed."""
        if not self._settings.enabled:
            return None
        begin = max(memory.began, self._settings.start or memory.began)
        due = self._in_time(expression.after(memory.done or begin - JUST_BEFORE))
        now = self._clock()
        while due is not None and due <= now:
            following = self._in_time(expression.after(due))
            if following is None or following > now:
                return due
            due = following
        return due

    def _in_time(self, moment: datetime | None) -> datetime | None:
        end = self._settings.end
        return None if moment is None or (end is not None and moment >= end) else moment

    def _carry_out(self, due: datetime) -> None:
        settings = self._settings
        invocation = Invocation.due(settings.arn, settings.function_arn, settings.input, due)
        attempt = 1
        while True:
            error = self._invoke(invocation, attempt)
            if error is None:
                return
            exhausted = self._exhausted(error, attempt, due)
            if exhausted is not None:
                self._give_up(invocation, error, attempt, exhausted or None)
                return
            log.warning("%s could not be invoked, trying again: %s", settings.function_arn, error)
            self._pause(pause_s(attempt, self._retry_first_s, RETRY_MOST_S))
            attempt += 1

    def _exhausted(self, error: ClientError, attempt: int, due: datetime) -> str | None:
        """The bound that ends it, an empty text if there is no use in another attempt, None to go on."""
        if not is_throttling(error) and status_of(error) < 500:
            return ""
        if attempt > self._settings.most_retries:
            return ATTEMPTS
        if (self._clock() - due).total_seconds() > self._settings.most_age_s:
            return AGE
        return None

    def _invoke(self, invocation: Invocation, attempt: int) -> ClientError | None:
        """Invoke the function asynchronously; gives Lambda's refusal, or None if it took the invocation."""

        def invoke() -> None:
            self._lambda.invoke(
                FunctionName=invocation.function_arn, InvocationType="Event", Payload=invocation.payload(attempt)
            )

        try:
            self._outliving(invoke)
        except ClientError as error:
            return error
        return None

    def _give_up(self, invocation: Invocation, error: ClientError, attempts: int, exhausted: str | None) -> None:
        arn = self._settings.dead_letter_arn
        log.error("The invocation of %s was given up: %s", invocation.function_arn, error)
        if arn is None:
            return
        message = str(error.response.get("Error", {}).get("Message", ""))
        letter = invocation.dead_letter(code_of(error), message, attempts, exhausted)
        url = queue_url(self._sqs.meta.endpoint_url, arn)
        try:
            self._outliving(lambda: self._sqs.send_message(QueueUrl=url, **letter))
        except ClientError as refused:
            log.error("Its dead letter is lost, %s does not take it: %s", arn, refused)  # noqa: TRY400

    def _outliving(self, call: Callable[[], object]) -> None:
        """Carry out a call; a service that cannot be reached is being restarted, which AWS's never is."""
        attempt = 0
        while True:
            try:
                call()
            except UNREACHABLE as error:
                attempt += 1
                if attempt == 1:
                    log.warning("The service does not answer, trying again: %s", error)
                self._pause(pause_s(attempt, UNREACHABLE_FIRST_S, UNREACHABLE_MOST_S))
            else:
                return

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError
