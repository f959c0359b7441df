"""Which failures of an AWS call are worth another try, and for how long."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError  # noqa: A004
from botocore.parsers import ResponseParserError

# Raised by botocore when no whole answer arrived: the service is down or is being restarted.
UNREACHABLE = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError)

THROTTLING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "Throttled",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "KMSThrottlingException",
        "KMSThrottling",
        "LimitExceededException",
        "SlowDown",
    }
)


def code_of(error: ClientError) -> str:
    """Give the error code of an answer, for example `ResourceNotFoundException`."""
    details: Mapping[str, Any] = error.response.get("Error", {})
    return str(details.get("Code", ""))


def status_of(error: ClientError) -> int:
    """Give the HTTP status of an error answer; 0 if it is not known."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_throttling(error: ClientError) -> bool:
    """Tell whether the service asks to slow down."""
    return code_of(error) in THROTTLING or status_of(error) == 429


def pause_s(attempt: int, first_s: float, most_s: float) -> float:
    """Give the pause before an attempt (1 is the first repetition), doubled each time.

    Spread by a quarter, so that those who failed together do not come back together.
    """
    return min(first_s * 2.0 ** min(attempt - 1, 20), most_s) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
