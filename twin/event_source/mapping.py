"""An event source mapping: polls a queue and invokes a function with its messages, several batches at a time."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from twin.aws_errors import UNREACHABLE, code_of, is_throttling, pause_s, status_of
from twin.event_source.batches import Gatherer
from twin.event_source.outcome import failed_messages
from twin.event_source.queue import Queue
from twin.event_source.records import Message, event_record, passes
from twin.event_source.settings import MappingSettings, check_timeouts
from twin.pattern import FilterCriteria
from twin.pattern.document import decode_container
from twin.tracing import Tracer, outbox_id

STOP_GRACE_S = 8.0
RETRY_FIRST_S, RETRY_MOST_S = 0.05, 1.0
THROTTLED_FIRST_S, THROTTLED_MOST_S = 0.1, 5.0

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The mapping was told to stop while it waited."""


class EventSourceMapping:
    """Runs one mapping until it is stopped.

    What the function does not take stays in the queue and becomes visible again when its timeout ends, as on AWS.

    Args:
        settings: checked settings.
        lambda_client: boto3 client that does not retry by itself.
        sqs_client: boto3 client that does not retry by itself.
        tracer: for trace lines.

    Raises:
        PatternError: a filter pattern that AWS would refuse.
    """

    def __init__(self, settings: MappingSettings, lambda_client: Any, sqs_client: Any, tracer: Tracer) -> None:
        self._settings = settings
        self._tracer = tracer
        self._stopping = threading.Event()
        self._criteria = FilterCriteria(settings.patterns)
        self._lambda = lambda_client
        self._queue = Queue(sqs_client, settings.queue_arn, self._pause)
        self._gatherer = Gatherer(self._queue.receive, settings.batch_size, settings.batching_window_s, self._stopping)
        self._free = threading.Semaphore(settings.concurrency)
        self._workers = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="batch")
        self._under_way = 0
        self._lock = threading.Lock()
        self._throttled = 0
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Ask the mapping to end after the invocations under way. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Run until stopped.

        Raises:
            MappingSettingsError: AWS would refuse the mapping of this queue to this function.
            Exception: what the mapping could not go on from.
        """
        if not self._settings.enabled:
            log.info("The mapping is disabled: it polls nothing.")
            self._tracer.ready()
            self._stopping.wait()
            return
        try:
            self._check()
        except _StoppedError:
            return
        self._tracer.ready()
        # On a thread of its own: a long poll is not interrupted by a signal.
        poller = threading.Thread(target=self._poll, name="poll", daemon=True)
        poller.start()
        self._stopping.wait()
        deadline = time.monotonic() + STOP_GRACE_S
        while not self._is_done(poller) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._workers.shutdown(wait=False, cancel_futures=True)
        if self._error is not None:
            raise self._error

    def _is_done(self, poller: threading.Thread) -> bool:
        # A long poll that holds no message may be cut; the emulator notices and gives the message to nobody.
        return not self._under_way and (self._gatherer.idle or not poller.is_alive())

    def _check(self) -> None:
        visibility_timeout_s = self._queue.visibility_timeout_s()
        check_timeouts(
            self._settings.function_name, self._function_timeout_s(), self._settings.queue_name, visibility_timeout_s
        )

    def _function_timeout_s(self) -> int:
        attempt = 0
        while True:
            try:
                answer = self._lambda.get_function_configuration(FunctionName=self._settings.function_name)
                return int(answer["Timeout"])
            except ClientError as error:
                missing = code_of(error) == "ResourceNotFoundException"
                if not missing and not is_throttling(error) and status_of(error) < 500:
                    raise
                reason: Exception = error
            except UNREACHABLE as error:
                reason = error
            attempt += 1
            if attempt == 1:
                log.warning("The function %s does not answer, trying again: %s", self._settings.function_name, reason)
            self._pause(pause_s(attempt, RETRY_FIRST_S, RETRY_MOST_S))

    def _poll(self) -> None:
        try:
            while not self._stopping.is_set():
                # Not an acquire without end: the mapping may be told to stop meanwhile.
                while not self._free.acquire(timeout=0.2):
                    if self._stopping.is_set():
                        return
                if self._throttled:
                    self._pause(pause_s(self._throttled, THROTTLED_FIRST_S, THROTTLED_MOST_S))
                batch = self._gatherer.next()
                if not batch:
                    self._free.release()
                    continue
                with self._lock:
                    self._under_way += 1
                self._workers.submit(self._work, batch)
        except _StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - raised again where the mapping is run
            self._error = error
            self._stopping.set()

    def _work(self, batch: list[Message]) -> None:
        try:
            self._process(batch)
        except _StoppedError:
            pass
        except Exception as error:
            log.exception("A batch failed in the mapping itself.")
            self._error = error
            self._stopping.set()
        finally:
            with self._lock:
                self._under_way -= 1
            self._free.release()

    def _process(self, batch: list[Message]) -> None:
        if self._tracer.enabled:
            self._tracer.hop(
                "queue", _outbox_ids(batch), mapping=self._settings.uuid, function=self._settings.function_name
            )
        records, taken, dropped = [], [], []
        for message in batch:
            record = event_record(message, self._settings.queue_arn)
            if passes(self._criteria, record):
                records.append(record)
                taken.append(message)
            else:
                dropped.append(message)
        self._queue.delete(dropped)
        if not taken:
            return
        failed = self._invoke(records, [message["MessageId"] for message in taken])
        done = [message for message in taken if message["MessageId"] not in failed]
        if self._tracer.enabled and done:
            self._tracer.hop("invoked", _outbox_ids(done), function=self._settings.function_name)
        self._queue.delete(done)

    def _invoke(self, records: Sequence[dict[str, Any]], message_ids: list[str]) -> set[str]:
        """Invoke the function with a batch and give the ids of the messages that failed."""
        payload = json.dumps({"Records": records}, separators=(",", ":"))
        name = self._settings.function_name
        try:
            answer = self._lambda.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=payload)
            content: bytes = answer["Payload"].read()
        except ClientError as error:
            if is_throttling(error):
                self._throttled += 1
                log.warning("%s is throttled; %d messages return to the queue.", name, len(message_ids))
            else:
                log.warning(
                    "%s could not be invoked; %d messages return to the queue: %s", name, len(message_ids), error
                )
                self._pause(RETRY_MOST_S)
            return set(message_ids)
        except UNREACHABLE as error:
            log.warning("%s cannot be reached; %d messages return to the queue: %s", name, len(message_ids), error)
            return set(message_ids)
        self._throttled = 0
        function_error = answer.get("FunctionError")
        if function_error:
            log.warning(
                "%s failed (%s) on %d messages: %.500s", name, function_error, len(message_ids), content.decode()
            )
        failed = failed_messages(
            content,
            message_ids,
            function_error=bool(function_error),
            report_failures=self._settings.report_failures,
        )
        if failed and not function_error:
            log.warning("%s reported %d of %d messages as failed.", name, len(failed), len(message_ids))
        return failed

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError


def _outbox_ids(messages: Iterable[Message]) -> list[str]:
    found = (outbox_id(decode_container(message["Body"])) for message in messages)
    return [identifier for identifier in found if identifier is not None]
