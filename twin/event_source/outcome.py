"""Which messages of a batch failed, by what the function answered.

Source: "Handling errors for an SQS event source in Lambda", success and failure conditions of partial batch
responses. A batch is a complete success with an empty or null response or list of failures; a complete failure with
an invalid JSON response, an empty or null item identifier, one with a bad key name, or one that is not in the batch.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

FAILURES = "batchItemFailures"
IDENTIFIER = "itemIdentifier"


def failed_messages(
    payload: bytes, message_ids: Collection[str], *, function_error: bool, report_failures: bool
) -> set[str]:
    """Give the ids of the messages that are not to be deleted.

    Args:
        payload: what the function answered.
        message_ids: ids of the batch's messages.
        function_error: the invocation ended with an error.
        report_failures: the mapping has ReportBatchItemFailures.
    """
    everything = set(message_ids)
    if function_error:
        return everything
    if not report_failures:
        return set()
    try:
        response = json.loads(payload) if payload.strip() else None
    except ValueError:
        return everything
    failures = _listed(response)
    if failures is None:
        return everything
    failed = {_identifier(failure) for failure in failures}
    known = {identifier for identifier in failed if identifier in everything}
    return known if len(known) == len(failed) else everything


def _listed(response: Any) -> list[Any] | None:
    """Give the list of failures; None if the response is not one."""
    if response is None:
        return []
    if not isinstance(response, dict):
        return None
    failures = response.get(FAILURES)
    if failures is None:
        return []
    return failures if isinstance(failures, list) else None


def _identifier(failure: Any) -> str | None:
    identifier = failure.get(IDENTIFIER) if isinstance(failure, dict) else None
    return identifier if isinstance(identifier, str) else None
