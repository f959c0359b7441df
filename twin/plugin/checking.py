"""A resource's inputs as the engine hands them over for a check, and as they go back."""

from __future__ import annotations

import secrets as random
from collections.abc import Iterable
from typing import Any

from pulumi.runtime.proto import provider_pb2 as pb

from twin.cloud import Cloud, UnsupportedTypeError
from twin.cloud.kind import Problem
from twin.cloud.names import Naming
from twin.cloud.registry import kind_of
from twin.cloud.settings import ProviderSettings
from twin.plugin.properties import Properties

# Under this name Pulumi's providers keep, beside the inputs, which of them they filled in.
DEFAULTS = "__defaults"
_MODES = {
    pb.CheckRequest.AutonamingOptions.PROPOSE: "propose",
    pb.CheckRequest.AutonamingOptions.ENFORCE: "enforce",
    pb.CheckRequest.AutonamingOptions.DISABLE: "disable",
}


def asked(given: Properties) -> Properties:
    """Leave out what is kept beside the properties."""
    return Properties({prop: value for prop, value in given.values.items() if not prop.startswith("__")}, given.secrets)


def checked(
    cloud: Cloud, request: pb.CheckRequest, olds: dict[str, Any], news: Properties, settings: ProviderSettings
) -> tuple[Properties, Iterable[Problem]]:
    """Fill in what the provider fills in, and find what AWS would refuse."""
    given = dict(asked(news).values)
    try:
        named_by = kind_of(request.type).named_by
        if named_by and named_by not in given and named_by in (olds.get(DEFAULTS) or []):
            given[named_by] = olds[named_by]
        seed = request.randomSeed.hex() or random.token_hex(32)
        found = cloud.check(request.type, request.name, given, seed=seed, settings=settings, naming=_naming(request))
    except UnsupportedTypeError as error:
        return news, [Problem("", str(error))]
    inputs = dict(found.request.inputs)
    filled = named_by if named_by and named_by not in news.values and named_by in inputs else None
    tags = {("tagsAll", *path[1:]) for path in news.secrets if path[0] == "tags"}
    return Properties({**inputs, DEFAULTS: [filled] if filled else []}, news.secrets | tags), found.problems


def _naming(request: pb.CheckRequest) -> Naming | None:
    if not request.HasField("autonaming"):
        return None
    return Naming(request.autonaming.proposed_name, _MODES[request.autonaming.mode])  # type: ignore[arg-type]
