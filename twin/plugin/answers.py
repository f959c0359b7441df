"""What the engine is answered: differences, failures of a check, and errors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import grpc
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import status_pb2

from twin.cloud.difference import Changed, Difference, dotted
from twin.cloud.errors import CancelledError, IncompleteError, InputError, LostError, UnsupportedTypeError
from twin.cloud.kind import Problem
from twin.errors import TwinError
from twin.plugin.properties import Steps, sent

log = logging.getLogger(__name__)

KINDS = {
    ("add", False): pb.PropertyDiff.ADD,
    ("add", True): pb.PropertyDiff.ADD_REPLACE,
    ("delete", False): pb.PropertyDiff.DELETE,
    ("delete", True): pb.PropertyDiff.DELETE_REPLACE,
    ("update", False): pb.PropertyDiff.UPDATE,
    ("update", True): pb.PropertyDiff.UPDATE_REPLACE,
}
# Any but INTERNAL and UNKNOWN: after those the engine would not know whether there is a resource.
CODES: tuple[tuple[type[TwinError], grpc.StatusCode], ...] = (
    (CancelledError, grpc.StatusCode.CANCELLED),
    (InputError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnsupportedTypeError, grpc.StatusCode.INVALID_ARGUMENT),
    (LostError, grpc.StatusCode.NOT_FOUND),
)
DETAILS = "grpc-status-details-bin"


def difference_response(found: Difference) -> pb.DiffResponse:
    """Describe a difference property by property."""
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME if found.changed else pb.DiffResponse.DIFF_NONE,
        diffs=_tops(found.changed),
        replaces=_tops(each for each in found.changed if each.replaces),
        deleteBeforeReplace=found.delete_first,
        detailedDiff={
            dotted(each.path): pb.PropertyDiff(kind=KINDS[each.change, each.replaces], inputDiff=True)
            for each in found.changed
        },
        hasDetailedDiff=True,
    )


def failures(problems: Iterable[Problem]) -> list[pb.CheckFailure]:
    """Put problems at their properties."""
    return [pb.CheckFailure(property=problem.path, reason=problem.text) for problem in problems]


@contextmanager
def answering(context: grpc.ServicerContext, secrets: frozenset[Steps] = frozenset()) -> Iterator[None]:
    """Turn what goes wrong in a call into what the engine understands; `secrets` are those of a half-made resource."""
    try:
        yield
    except IncompleteError as error:
        detail = pb.ErrorResourceInitFailed(
            id=error.made.id, properties=sent(error.made.outputs, secrets), reasons=[str(error)]
        )
        status = status_pb2.Status(code=grpc.StatusCode.ABORTED.value[0], message=str(error))
        status.details.add().Pack(detail)
        context.set_trailing_metadata(((DETAILS, status.SerializeToString()),))
        context.abort(grpc.StatusCode.ABORTED, str(error))
    except TwinError as error:
        code = next((code for kind, code in CODES if isinstance(error, kind)), grpc.StatusCode.FAILED_PRECONDITION)
        context.abort(code, str(error))
    except Exception as error:
        if type(error) is Exception:  # what `abort` raises to leave the call
            raise
        log.exception("A call failed.")
        context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error} (a fault of the twin's; see its log)")


def _tops(changed: Iterable[Changed]) -> list[str]:
    return list(dict.fromkeys(str(each.path[0]) for each in changed))
