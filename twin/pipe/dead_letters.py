"""What a pipe sends to its dead letter queue: not the records, but where in the stream they are.

The document's form is that of a message recorded from a pipe in production, as published in the tests of a public
repository (2023): `context.partnerResourceArn` is the pipe. The condition `RetryAttemptsExhausted` is from there too;
`MaximumRecordAgeExceeded`, for records that became too old, is an assumption.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from twin.pipe.records import Item

EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "MaximumRecordAgeExceeded"


def dead_letter(
    pipe_arn: str, stream_arn: str, shard: str, items: Sequence[Item], condition: str, now: float
) -> dict[str, Any]:
    """Make the document about records that stand next to each other in a batch; `now` in unix seconds."""
    first, last = items[0], items[-1]
    return {
        "context": {"partnerResourceArn": pipe_arn, "condition": condition},
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _iso(first.arrival),
            "approximateArrivalOfLastRecord": _iso(last.arrival),
            "batchSize": len(items),
            "streamArn": stream_arn,
        },
    }


def encode_dead_letter(document: dict[str, Any]) -> str:
    """Encode a document as the text of a message."""
    return json.dumps(document, separators=(",", ":"))


def runs(items: Sequence[Item], batch: Sequence[Item]) -> Iterator[list[Item]]:
    """Cut `items`, some of those of `batch` in its order, into runs without a gap.

    The document names only the first and the last record, so one with a gap would also bury what was delivered.
    """
    places = {item.sequence_number: place for place, item in enumerate(batch)}
    run: list[Item] = []
    for item in items:
        if run and places[item.sequence_number] != places[run[-1].sequence_number] + 1:
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
