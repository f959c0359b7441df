"""The graph of a stack from what Pulumi hands to a policy pack.

A stack policy gets each resource's outputs, in which the provider's defaults and what AWS
adds stand beside what the program says. What the program says comes before that, one
resource at a time, to the resource policies; so a resource policy that reports nothing
collects it for the stack policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError as UnknownProxyError

from policy.graph import Graph, Resource
from policy.unknown import Unknown

_STACK = "pulumi:pulumi:Stack"


class Inputs:
    """What the program gives to each resource, by URN, as it comes in."""

    def __init__(self) -> None:
        self._by_urn: dict[str, dict[str, Any]] = {}

    def collect(self, args: ResourceValidationArgs) -> None:
        """Note the inputs of one resource; also those of a resource that does not change."""
        self._by_urn[args.urn] = _plain(args.props, "")

    def of(self, resource: PolicyResource) -> dict[str, Any]:
        """Inputs of a resource; its outputs where its inputs never came in."""
        found = self._by_urn.get(resource.urn)
        return _plain(resource.props, "") if found is None else found


def graph_of(resources: Sequence[PolicyResource], inputs: Inputs) -> Graph:
    """Give the graph of all resources of a stack but the stack itself."""
    return Graph([_resource(each, inputs) for each in resources if each.resource_type != _STACK])


def _resource(found: PolicyResource, inputs: Inputs) -> Resource:
    outputs = _plain(found.props, "")
    uses = {name: frozenset(one.urn for one in used) for name, used in found.property_dependencies.items()}
    id_ = outputs.get("id", "")
    return Resource(
        urn=found.urn,
        type=found.resource_type,
        name=found.name,
        parent="" if found.parent is None else found.parent.urn,
        inputs={name: value for name, value in inputs.of(found).items() if value is not None},
        id="" if isinstance(id_, Unknown) else str(id_),
        outputs=outputs,
        depends_on=frozenset(one.urn for one in found.dependencies).union(*uses.values()),
        uses=uses,
        options={
            "protect": found.opts.protect,
            "deleteBeforeReplace": found.opts.delete_before_replace,
            "provider": "" if found.provider is None else found.provider.urn,
            "secretOutputs": tuple(found.opts.additional_secret_outputs),
        },
    )


def _plain(value: Any, path: str) -> Any:
    """Take a value out of the wrappers that raise where something is unknown."""
    if isinstance(value, Mapping):
        return {str(key): _part(value, key, f"{path}.{key}".lstrip(".")) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_part(value, index, f"{path}[{index}]") for index in range(len(value))]
    return value


def _part(holder: Any, key: Any, path: str) -> Any:
    try:
        return _plain(holder[key], path)
    except UnknownProxyError:
        return Unknown(path)
