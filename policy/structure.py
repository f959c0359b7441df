"""Rules about the program itself: one provider, one tree, names that do not collide."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import Unknown, known

# Where a name is one only within something else.
_WITHIN = ("RolePolicy", "Authorizer", "RequestValidator", "Model")
# Types that a provider makes; all others are components.
_PROVIDED = ("aws:", "random:")


@rule(do="Give the other one another name in infra/names.py")
def names_are_unique(graph: Graph, resource: Resource) -> Iterator[str]:
    """No two resources of a type fight for one name."""
    name = known(resource.inputs.get("name"))
    if name is None or resource.is_a(*_WITHIN):
        return
    for other in graph.of(resource.type):
        taken = other.inputs.get("name")
        # A name that is not known yet is told about by its own resource.
        if other is not resource and not isinstance(taken, Unknown) and taken == name:
            yield f"is called {name}, and so is {other.name}"


@rule(do="Give it a component as parent")
def everything_has_a_component(graph: Graph, resource: Resource) -> Iterator[str]:
    """Resources hang below components, so that the tree reads like the design."""
    if resource.type.startswith(_PROVIDED) and not any(one.urn == resource.parent for one in graph.resources):
        yield "hangs below no component"


@rule(do="Hand the program's provider down: opts of the component")
def provider_is_ours(graph: Graph, resource: Resource) -> Iterator[str]:
    """Everything on AWS goes through the one provider that guards account and region and sets the tags."""
    ours = [one.urn for one in graph.of("pulumi:providers:aws") if not one.name.startswith("default")]
    if resource.type.startswith("aws:") and not str(resource.options.get("provider")).startswith(tuple(ours)):
        yield "goes by the default provider"


@rule("pulumi:providers:aws", do="Set region, and defaultTags with project and stack")
def everything_is_tagged(graph: Graph, provider: Resource) -> Iterator[str]:
    """What the stack makes can be found, and its cost told, by its tags; the region is the configuration's.

    Source: Best Practices for Tagging AWS Resources
    """
    if not provider.at("region"):
        yield "takes the region from the environment"
    given = provider.at("defaultTags") or {}
    tags = (json.loads(given) if isinstance(given, str) else given).get("tags") or {}
    yield from (f"sets no tag {name}" for name in ("project", "stack") if not known(tags.get(name)))


@rule("rds/cluster:Cluster", "dynamodb/table:Table", do="Set protect in its options too, or in neither")
def protection_is_whole(graph: Graph, resource: Resource) -> Iterator[str]:
    """What AWS protects from deletion Pulumi protects too, so that a destroy stops before it takes the rest away."""
    name = "deletionProtection" if resource.is_a("rds/cluster:Cluster") else "deletionProtectionEnabled"
    if bool(resource.at(name)) != bool(resource.options.get("protect")):
        yield f"is protected by one of AWS and Pulumi ({name}, protect)"


@rule("lambda/function:Function", do="Set memorySize, timeout, runtime, architectures, tracingConfig and loggingConfig")
def functions_are_spelled_out(graph: Graph, function: Resource) -> Iterator[str]:
    """A function leaves nothing to defaults that AWS may change, or that suit nobody.

    Source: Configuring AWS Lambda functions
    """
    for name in ("memorySize", "timeout", "runtime", "architectures", "tracingConfig", "sourceCodeHash"):
        if not function.given(name):
            yield f"leaves {name} to AWS"
    if function.at("loggingConfig", "logFormat") != "JSON":
        yield "writes logs that are no JSON"
