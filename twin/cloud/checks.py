"""A resource's inputs made complete and looked through, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin.cloud.errors import InputError
from twin.cloud.kind import Kind, Problem, Request
from twin.cloud.names import Naming, with_name
from twin.cloud.settings import ProviderSettings
from twin.cloud.shape import problems as shape_problems


@dataclass(frozen=True)
class Checked:
    """A request with name, tags and region filled in, and what AWS would refuse about it."""

    request: Request
    problems: tuple[Problem, ...]

    def or_refuse(self) -> Request:
        """Give the request if nothing is wrong with it.

        Raises:
            InputError: all that is wrong.
        """
        if self.problems:
            what = f"{self.request.typ} {self.request.name!r}"
            raise InputError(f"{what}: " + "\n  ".join(problem.text for problem in self.problems))
        return self.request


def checked(
    kind: Kind, request: Request, *, region: str, settings: ProviderSettings, naming: Naming | None = None
) -> Checked:
    """Fill in what the provider fills in, and look for what AWS would refuse. Values may be unknown.

    Raises:
        UnsupportedTypeError: what is asked for is more than the twin can do.
    """
    given: Mapping[str, Any] = {
        prop: value for prop, value in request.inputs.items() if value is not None and not prop.startswith("__")
    }
    request = Request(request.typ, request.name, settings.applied(kind.typ, given), request.seed)
    unnamed: list[Problem] = []
    try:
        request = with_name(kind, request, naming)
    except InputError as error:
        unnamed.append(Problem(kind.named_by or "", _sentence(str(error), request)))
    found = [*unnamed, *_region(request, region), *_shape(request), *kind.check(request)]
    # One rule may stand in the API's model and in the kind's own check.
    return Checked(request, tuple({problem.path: problem for problem in reversed(found)}.values()))


def _region(request: Request, region: str) -> Iterator[Problem]:
    asked = request.inputs.get("region")
    if isinstance(asked, str) and region and asked != region:
        yield Problem("region", f"region is {asked!r}; this twin stands in for {region} only.")


def _shape(request: Request) -> Iterator[Problem]:
    for text in shape_problems(request.typ, request.inputs):
        yield Problem(text.partition(" ")[0], text)


def _sentence(text: str, request: Request) -> str:
    return text.removeprefix(f"{request.typ} {request.name!r}: ")
