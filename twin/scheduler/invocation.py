"""One invocation: what the function gets, and the dead letter if it could not be invoked.

Sources: "Adding context attributes to your schedule" and "Configuring a schedule's dead-letter queue" of the
EventBridge Scheduler user guide. The guide shows the attributes of a dead letter; its body, the request to
the target's API, is taken from its example with SQS.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

ATTEMPTS = "MaximumRetryAttempts"
AGE = "MaximumEventAgeInSeconds"

_CONTEXT = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")


@dataclass(frozen=True)
class Invocation:
    """An invocation that is due."""

    schedule_arn: str
    function_arn: str
    input: str
    scheduled: datetime
    execution: str

    @classmethod
    def due(cls, schedule_arn: str, function_arn: str, input_: str, scheduled: datetime) -> Invocation:
        """Make an invocation with an id of its own."""
        return cls(schedule_arn, function_arn, input_, scheduled, str(uuid4()))

    def payload(self, attempt: int) -> str:
        """What the function gets at an attempt (1 is the first): the input, with context attributes filled in."""
        values = {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": _iso(self.scheduled),
            "execution-id": self.execution,
            "attempt-number": str(attempt),
        }
        return _CONTEXT.sub(lambda match: values[match[1]], self.input)

    def dead_letter(self, code: str, message: str, attempts: int, exhausted: str | None) -> dict[str, Any]:
        """Body and attributes of the message about an invocation that was given up.

        Args:
            code: of the last error.
            message: of the last error.
            attempts: how often it was tried.
            exhausted: the bound that ended it; None if another attempt would have been of no use.
        """
        body = {"FunctionName": self.function_arn, "InvocationType": "Event", "Payload": self.payload(attempts)}
        attributes = {
            "ERROR_CODE": code,
            "ERROR_MESSAGE": message[:1024] or code,
            "EXECUTION_ID": self.execution,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(attempts - 1),
            "SCHEDULED_TIME": _iso(self.scheduled),
            "SCHEDULE_ARN": self.schedule_arn,
            "TARGET_ARN": self.function_arn,
            **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
        }
        return {
            "MessageBody": json.dumps(body),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
