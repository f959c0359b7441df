"""Talking to the local services: what their refusals mean."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from twin.cloud.attempt import attempt
from twin.cloud.errors import IncompleteError, ResourceError
from twin.cloud.kind import Made
from twin.errors import TwinError

POLL_S = 0.02

GONE = frozenset(
    {
        "ResourceNotFoundException",
        "NotFoundException",
        "NotFound",
        "NoSuchEntity",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
    }
)
TAKEN = frozenset(
    {
        "ResourceConflictException",
        "ResourceInUseException",
        "ResourceExistsException",
        "ResourceAlreadyExistsException",
        "AlreadyExistsException",
        "EntityAlreadyExists",
        "ConflictException",
        "QueueNameExists",
        "QueueAlreadyExists",
    }
)


def code(error: ClientError) -> str:
    """Give the error code that the service answered with."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def gone_is_fine() -> Iterator[None]:
    """Let a call pass whose resource is no longer there."""
    try:
        yield
    except ClientError as error:
        if code(error) not in GONE:
            raise


def is_there(read: Callable[[], object]) -> bool:
    """Tell whether a read finds its resource."""
    try:
        read()
    except ClientError as error:
        if code(error) in GONE:
            return False
        raise
    return True


@contextlib.contextmanager
def completing(made: Callable[[], Made]) -> Iterator[None]:
    """Do what follows the making of a resource: if that fails, the resource is there all the same.

    Raises:
        IncompleteError: it failed; the error holds what was made.
    """
    try:
        yield
    except (ClientError, TwinError) as error:
        raise IncompleteError(said(error), made()) from error


def said(error: Exception) -> str:
    """Give an error as a sentence."""
    if not isinstance(error, ClientError):
        return str(error)
    answer = error.response.get("Error", {})
    return f"{error.operation_name} was refused: {answer.get('Code')}: {answer.get('Message')}"


def create_or_adopt(create: Callable[[], object]) -> bool:
    """Create something; False if it was there already (made by an attempt that was cut short)."""
    try:
        create()
    except ClientError as error:
        if code(error) not in TAKEN:
            raise
        return False
    return True


def parsed_like(known: object, answer: str) -> object:
    """Give an attribute, which services answer as text, as the type in which it is known."""
    if isinstance(known, bool):
        return answer == "true"
    return int(answer) if isinstance(known, int | float) else answer


def wait_for(what: str, ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Poll until a local service has done its part.

    Raises:
        ResourceError: it was not ready in time.
        CancelledError: the user asked to stop.
    """
    trying = attempt()
    timeout_s = trying.timeout_s or timeout_s
    deadline = time.monotonic() + timeout_s
    while not ready():
        trying.require_wanted()
        if time.monotonic() > deadline:
            raise ResourceError(f"{what} was not ready after {timeout_s:.0f} s.")
        time.sleep(POLL_S)
