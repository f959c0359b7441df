"""What answers calls: API, functions, schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.need import LOOK_AT_NETWORK, PASS, Need


def _api(path: str, *verbs: str) -> tuple[Need, ...]:
    return (
        Need("apigateway", verbs or ("GET", "POST", "PUT", "PATCH", "DELETE"), (f"apigateway:*::{path}*",)),
        Need("apigateway", ("GET", "PUT", "DELETE"), ("apigateway:*::/tags/*",)),
    )


_REST = _api("/restapis")

NEEDS: Mapping[str, Sequence[Need]] = {
    "aws:apigateway/account:Account": (*_api("/account", "GET", "PATCH"), PASS),
    "aws:apigateway/apiKey:ApiKey": _api("/apikeys"),
    "aws:apigateway/authorizer:Authorizer": _REST,
    "aws:apigateway/deployment:Deployment": _REST,
    "aws:apigateway/integration:Integration": _REST,
    "aws:apigateway/method:Method": _REST,
    "aws:apigateway/methodSettings:MethodSettings": _REST,
    "aws:apigateway/resource:Resource": _REST,
    "aws:apigateway/response:Response": _REST,
    "aws:apigateway/restApi:RestApi": _REST,
    "aws:apigateway/stage:Stage": _REST,
    "aws:apigateway/usagePlan:UsagePlan": _api("/usageplans"),
    "aws:apigateway/usagePlanKey:UsagePlanKey": _api("/usageplans"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        # Mappings have ids that AWS makes; the condition names the function.
        Need(
            "lambda",
            ("CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"),
            (),
            {"ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:*:*:function:{prefix}*"}},
        ),
        Need("lambda", ("GetEventSourceMapping",)),
        Need("lambda", ("ListTags", "TagResource", "UntagResource"), ("lambda:*:*:event-source-mapping:*",)),
    ),
    "aws:lambda/function:Function": (
        Need(
            "lambda",
            (
                *("CreateFunction", "GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode"),
                *("UpdateFunctionConfiguration", "DeleteFunction", "PutFunctionConcurrency"),
                *("DeleteFunctionConcurrency", "GetFunctionCodeSigningConfig", "ListVersionsByFunction"),
                *("ListTags", "TagResource", "UntagResource"),
            ),
            ("lambda:*:*:function:{prefix}*",),
        ),
        PASS,
        LOOK_AT_NETWORK,
    ),
    "aws:lambda/invocation:Invocation": (Need("lambda", ("InvokeFunction",), ("lambda:*:*:function:{prefix}*",)),),
    "aws:lambda/permission:Permission": (
        Need("lambda", ("AddPermission", "GetPolicy", "RemovePermission"), ("lambda:*:*:function:{prefix}*",)),
    ),
    "aws:scheduler/schedule:Schedule": (
        Need(
            "scheduler",
            ("CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule"),
            ("scheduler:*:*:schedule/default/{prefix}*",),
        ),
        PASS,
    ),
}
