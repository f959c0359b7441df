"""Redrive of a consumer's dead letters: given to the function as its queue would, so that the outcome is known at once.

A letter leaves its queue only after the function took it; whatever happens in between, it is still there. Handing it to
the function, and not to the queue, spares the retries of the queue (minutes, at six times the function's timeout each)
before one learns that it fails again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from ops.aws import Aws
from ops.dead_letters import DeadLetterQueue, Letter
from ops.errors import FunctionFailed
from ops.functions import invoke
from ops.reasons import reasons_of_run
from ops.redrive import Outcome


def redrive(aws: Aws, source: DeadLetterQueue, letters: Sequence[Letter]) -> list[Outcome]:
    """Give a batch to the consumer; one outcome for each letter, None as reason for those it took.

    Raises:
        OutputMissing, Unreachable.
    """
    function, since_ms = aws.stack.output(f"{source.name}_function"), int(time.time() * 1000) - 1000
    try:
        answer = invoke(aws, source.name, {"Records": [_record(aws, source, letter) for letter in letters]})
    except FunctionFailed as error:
        return [Outcome(letter, error.reason) for letter in letters]
    failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
    ids = {letter.id: (letter.id, *letter.event_ids) for letter in letters if letter.id in failed}
    reasons = reasons_of_run(aws, function, ids, since_ms) if ids else {}
    return [Outcome(letter, reasons.get(letter.id)) for letter in letters]


def _record(aws: Aws, source: DeadLetterQueue, letter: Letter) -> dict[str, object]:
    """A record as SQS gives it to Lambda ("Using Lambda with Amazon SQS", AWS Lambda Developer Guide)."""
    account, region = aws.stack.output("account"), aws.stack.output("region")
    queue = aws.stack.output(f"{source.name}_queue_url").rsplit("/", 1)[-1]
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": None,
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value.get("DataType", "String"),
        }
        for name, value in letter.attributes.items()
    }
    return {
        "messageId": letter.id,
        "receiptHandle": letter.receipt,
        "body": letter.body,
        "attributes": {
            "ApproximateReceiveCount": str(letter.receives),
            "SentTimestamp": str(int(letter.sent.timestamp() * 1000)),
            "SenderId": account,
            "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
        },
        "messageAttributes": json.loads(json.dumps(attributes)),
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{region}:{account}:{queue}",
        "awsRegion": region,
    }
