"""Rules about the order of creation: it is that of destruction, the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule

# What waits for what, and why.
_FIRST: tuple[tuple[str, str, str], ...] = (
    ("ReplicationTask", "lambda/invocation:Invocation", "DMS finds the tables and its own user"),
    ("ReplicationTask", "VpcEndpoint", "DMS reaches secret and stream, also to drop its slot when it goes"),
    ("ReplicationTask", "ClusterInstance", "DMS reaches the database, also to drop its slot when it goes"),
    ("dms/endpoint:Endpoint", "lambda/invocation:Invocation", "the secret of DMS has a value"),
    ("Pipe", "TopicSubscription", "a topic drops what nobody has subscribed to"),
    ("lambda/invocation:Invocation", "ClusterInstance", "a cluster without instance takes no connection"),
    ("Deployment", "apigateway/method:Method", "a deployment is a copy of what is there"),
    ("Deployment", "Integration", "a deployment is a copy of what is there"),
    ("Deployment", "apigateway/response:Response", "a deployment is a copy of what is there"),
    ("apigateway/stage:Stage", "apigateway/account:Account", "a stage with logs is refused without the account's role"),
    ("ReplicationSubnetGroup", "RolePolicyAttachment", "DMS looks for its role, with its policy"),
    ("ReplicationInstance", "RolePolicyAttachment", "DMS looks for its role, with its policy"),
)
# Where only those of a kind are meant whose name has a part.
_MEANT = {"RolePolicyAttachment": "dms-"}


@rule(*dict.fromkeys(later for later, _, _ in _FIRST), do="Let it depend on it")
def order_is_kept(graph: Graph, resource: Resource) -> Iterator[str]:
    """What must be there first is made first, and so destroyed last: the task of DMS goes before all it needs to go.

    Source: Working with AWS DMS tasks; Using a PostgreSQL database as an AWS DMS source
    """
    for later, earlier, why in _FIRST:
        if not resource.is_a(later):
            continue
        for other in graph.of(earlier):
            # An email is confirmed by its reader, some day.
            meant = _MEANT.get(earlier, "") in other.name and other.inputs.get("protocol") != "email"
            if meant and not graph.reaches(resource, other):
                yield f"does not wait for {other.name} ({why})"


@rule("lambda/function:Function", "Pipe", "dms/endpoint:Endpoint", "scheduler/schedule:Schedule", "FlowLog",
      do="Let it depend on the policy, not only on the role")  # fmt: skip
def roles_come_with_their_policy(graph: Graph, resource: Resource) -> Iterator[str]:
    """Whoever gets a role gets it with its policy: AWS looks at once, and says no only once.

    Source: Troubleshoot IAM ("Changes that I make are not always immediately visible")
    """
    for role in graph.of("iam/role:Role"):
        if not any(role.urn in urns for urns in resource.uses.values()):
            continue
        for kind in ("RolePolicy", "RolePolicyAttachment"):
            for policy in graph.users(role, "role", kind):
                if not graph.reaches(resource, policy):
                    yield f"does not wait for {policy.name}"


@rule("lambda/function:Function", do="Take the role away from the others")
def functions_share_no_role(graph: Graph, function: Resource) -> Iterator[str]:
    """Each function has a role of its own, so that none can do what another needs.

    Source: Defining Lambda function permissions with an execution role
    """
    for role in graph.behind(function, "role", "iam/role:Role"):
        others = [one.name for one in graph.users(role, "role", "lambda/function:Function") if one is not function]
        yield from (f"shares its role with {name}" for name in others)
        if not role.given("inlinePolicies") and not any(graph.users(role, "role", "RolePolicy")):
            yield "has a role that allows nothing, not even logs"
