"""Long polls that are answered within milliseconds of the data's arrival.

ministack looks every 100 ms for a waiting ReceiveMessage, and Kinesis has no
long poll at all. The waiting is replaced inside the service, behind the check
of the signature and of the policies, so that requests stay as the caller
signed them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twin.emulator.connection import caller_gone
from twin.emulator.wake import Wake

# A message also becomes visible when its delay or its visibility timeout ends, which nothing announces.
RECHECK_S = 0.25
WAIT_HEADER = "x-twin-wait-ms"
MAX_WAIT_MS = 20_000

Answer = tuple[int, dict[str, str], Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
Receive = Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]


def wake_receives(sqs: Any, wake: Wake) -> None:
    """Make SQS ReceiveMessage with WaitTimeSeconds (or the queue's default wait) wake up by `wake`."""
    original: Receive = sqs._act_receive_message

    async def receive(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
        wait_s = data.get("WaitTimeSeconds")
        if wait_s is None:
            queue = sqs._get_q(data.get("QueueUrl", queue_url), "sqs:ReceiveMessage")
            wait_s = queue["attributes"].get("ReceiveMessageWaitTimeSeconds", "0")
        at_once = {**data, "WaitTimeSeconds": 0}
        if int(wait_s) == 0:
            return await original(at_once, queue_url)
        deadline = time.monotonic() + int(wait_s)
        with caller_gone() as gone:
            while True:
                ticket = wake.ticket()
                try:
                    answer = await original(at_once, queue_url)
                    left_s = deadline - time.monotonic()
                    if answer or left_s <= 0 or wake.closed:
                        return answer
                    await wake.wait_for(ticket, min(RECHECK_S, left_s), gone)
                    if gone.done():
                        # A message handed to a dead connection would be invisible until its timeout ends.
                        return {}
                finally:
                    wake.discard(ticket)

    sqs._act_receive_message = receive
    sqs._HANDLERS["ReceiveMessage"] = receive


def wake_get_records(kinesis: Any, wake: Wake) -> None:
    """Make Kinesis GetRecords wait for records if the request carries the header `x-twin-wait-ms`.

    The header is the twin's own: no AWS client sends it and AWS ignores it, so
    a consumer that uses it still works on AWS, only later by its polling pause.
    """
    original: Handler = kinesis.handle_request

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        wait_ms = headers.get(WAIT_HEADER, "")
        if not wait_ms.isdigit() or not headers.get("x-amz-target", "").endswith(".GetRecords"):
            return await original(method, path, headers, body, query)
        deadline = time.monotonic() + min(int(wait_ms), MAX_WAIT_MS) / 1000
        iterator = _iterator(body)
        while True:
            ticket = wake.ticket()
            try:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or wake.closed or not _nothing_to_read(kinesis, iterator):
                    return await original(method, path, headers, body, query)
                await wake.wait_for(ticket, left_s)
            finally:
                wake.discard(ticket)

    kinesis.handle_request = handle


def _iterator(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None  # CBOR, or wrong: answered as it is, without waiting
    iterator = document.get("ShardIterator") if isinstance(document, dict) else None
    return iterator if isinstance(iterator, str) else None


def _nothing_to_read(kinesis: Any, iterator: str | None) -> bool:
    # Anything but a healthy iterator at the end of an open shard is for the service to answer.
    state = kinesis._shard_iterators.get(iterator)
    stream = kinesis._streams.get(state["stream"]) if state else None
    shard = stream["shards"].get(state["shard_id"]) if stream else None
    if shard is None or "ending_sequence_number" in shard:
        return False
    return bool(state["position"] >= len(shard["records"]))
