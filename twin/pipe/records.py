"""Records of a Kinesis stream as a pipe sees them.

The event has the fields of the user guide's sample; its `data` is the decoded JSON if the data is a JSON object or
array, else the base64 text. Sources: "Amazon EventBridge Pipes filtering" and "Kinesis stream as a source".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twin.pattern import FilterCriteria
from twin.pattern.document import decode_container, encode
from twin.pipe.settings import PipeSettings
from twin.pipe.template import InputTemplate
from twin.tracing import outbox_id

# Fields that the poller adds, by which AWS cannot filter.
ADDED_FIELDS = frozenset(
    {"awsRegion", "eventSource", "eventSourceARN", "eventVersion", "eventID", "eventName", "invokeIdentityArn"}
)


@dataclass(frozen=True, slots=True)
class Item:
    """One record that passed the filter, with the message made of it."""

    sequence_number: str
    arrival: float  # unix seconds
    message: str
    outbox_id: str | None


class Reading:
    """Turns records of one shard into items: decode, filter, render.

    Args:
        settings: of the pipe.
        shard: id of the shard.
        criteria: the pipe's filter.
        template: the pipe's input template; None delivers the event as AWS does, with base64 data.
    """

    def __init__(
        self, settings: PipeSettings, shard: str, criteria: FilterCriteria, template: InputTemplate | None
    ) -> None:
        self._shard = shard
        self._criteria = criteria
        self._template = template
        self._added = {
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": str(settings.aws.get("role_arn") or f"{settings.arn}/role"),
            "awsRegion": settings.region,
            "eventSourceARN": settings.source_arn,
        }

    def item(self, record: Mapping[str, Any]) -> Item | None:
        """Make the item of a record as boto3 gives it; None if the filter drops it."""
        content: bytes = record["Data"]
        document = _decoded(content)
        sequence_number: str = record["SequenceNumber"]
        arrival: float = record["ApproximateArrivalTimestamp"].timestamp()
        event: dict[str, Any] = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(content).decode() if document is None else document,
            "approximateArrivalTimestamp": arrival,
        }
        if not self._criteria.matches(event):
            return None
        event.update(self._added)
        event["eventID"] = f"{self._shard}:{sequence_number}"
        return Item(sequence_number, arrival, self._message(event, content), outbox_id(document))

    def _message(self, event: dict[str, Any], content: bytes) -> str:
        if self._template is None:
            return encode({**event, "data": base64.b64encode(content).decode()})
        return self._template.render(event)


def _decoded(content: bytes) -> Any | None:
    try:
        return decode_container(content.decode())
    except UnicodeDecodeError:
        return None
