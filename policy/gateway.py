"""Rules about the HTTP API: every call is authorized, counted, logged and ends in time."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import known

# "Amazon API Gateway quotas": longest time of an integration of a REST API, in milliseconds.
_LONGEST = 29000


@rule("apigateway/method:Method", do="Set authorization CUSTOM and the authorizerId")
def calls_are_authorized(graph: Graph, method: Resource) -> Iterator[str]:
    """No call of the API gets by the authorizer.

    Source: Control and manage access to REST APIs in API Gateway
    """
    if known(method.inputs["authorization"]) not in ("CUSTOM", "AWS_IAM", "COGNITO_USER_POOLS"):
        yield "lets anybody in"
    elif method.inputs["authorization"] != "AWS_IAM" and not graph.behind(method, "authorizerId", "Authorizer"):
        yield "names no authorizer"


@rule("apigateway/stage:Stage", do="Make a MethodSettings for */* and a UsagePlan for the stage")
def calls_are_throttled(graph: Graph, stage: Resource) -> Iterator[str]:
    """The API takes so many calls a second and no more, and writes no bodies to logs.

    Source: Throttle requests to your REST APIs for better throughput in API Gateway
    """
    settings = [
        one for one in graph.users(stage, "stageName", "MethodSettings") if known(one.inputs["methodPath"]) == "*/*"
    ]
    if not any((one.at("settings", "throttlingRateLimit") or 0) > 0 for one in settings):
        yield "takes as many calls as the account does"
    if any(one.at("settings", "dataTraceEnabled") for one in settings):
        yield "writes requests and answers to its log"
    if not any(graph.users(stage, "apiStages", "UsagePlan")):
        yield "counts nobody's calls"


@rule("Integration", do="Set timeoutMilliseconds a little above the function's timeout, 29000 at most")
def calls_end_in_time(graph: Graph, integration: Resource) -> Iterator[str]:
    """A call is given up by the function first, whose answer says what it was, and by API Gateway only then.

    Source: Amazon API Gateway quotas and important notes
    """
    longest = integration.inputs.get("timeoutMilliseconds", _LONGEST)
    if longest > _LONGEST:
        yield f"may take {longest:g} ms, which API Gateway does not allow"
    for function in graph.behind(integration, "uri", "lambda/function:Function"):
        if not function.inputs.get("timeout", 3) * 1000 < longest:
            yield f"gives {function.name} up before it ends by itself"


@rule("Integration", do="Make a Permission with the ARN of the call as sourceArn")
def calls_may_be_made(graph: Graph, integration: Resource) -> Iterator[str]:
    """API Gateway may invoke each function that a call leads to; without it every call is answered with 500.

    Source: Using Lambda with API Gateway ("Permissions")
    """
    for function in graph.behind(integration, "uri", "lambda/function:Function"):
        permits = graph.users(function, "function", "lambda/permission:Permission")
        if not any(known(one.inputs["principal"]) == "apigateway.amazonaws.com" for one in permits):
            yield f"may not invoke {function.name}"
