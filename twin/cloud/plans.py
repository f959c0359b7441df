"""API Gateway usage plans and keys, gateway responses, validators and models. Real in the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, outputs, tags
from twin.cloud.rest_api import given, patches
from twin.cloud.services import gone_is_fine

# "CreateApiKey", API Gateway API reference.
KEY_LENGTH = range(20, 129)


def _create_plan(at: Context, request: Request) -> Made:
    inputs = request.inputs
    members: dict[str, Any] = given(inputs, {"description": "description"})
    throttle, quota = inputs.get("throttleSettings"), inputs.get("quotaSettings")
    if throttle:
        members["throttle"] = _throttle(throttle)
    if quota:
        members["quota"] = {
            "limit": int(quota["limit"]), "offset": int(quota.get("offset") or 0), "period": quota["period"],
        }  # fmt: skip
    made = at.client("apigateway").create_usage_plan(
        name=text(inputs, "name"),
        apiStages=list(_api_stages(inputs)),
        tags=tags(inputs),
        **members,
    )
    return _plan(at, request, made["id"])


def _throttle(settings: Inputs) -> dict[str, Any]:
    return {"burstLimit": int(settings.get("burstLimit") or 0), "rateLimit": float(settings.get("rateLimit") or 0)}


def _api_stages(inputs: Inputs) -> Iterator[dict[str, Any]]:
    for entry in inputs.get("apiStages") or []:
        limits = {limit["path"]: _throttle(limit) for limit in entry.get("throttles") or []}
        yield {"apiId": entry["apiId"], "stage": entry["stage"], **({"throttle": limits} if limits else {})}


def _update_plan(at: Context, old: Resource, request: Request) -> Made:
    operations = patches(old.inputs, request.inputs, {"name": "name", "description": "description"})
    was, now = old.inputs.get("throttleSettings") or {}, request.inputs.get("throttleSettings") or {}
    operations += patches(was, now, {name: f"throttle/{name}" for name in ("burstLimit", "rateLimit")})
    if operations:
        at.client("apigateway").update_usage_plan(usagePlanId=old.id, patchOperations=operations)
    return _plan(at, request, old.id)


def _plan(at: Context, request: Request, id_: str) -> Made:
    return Made(id_, outputs(at, request.inputs, arn=f"arn:aws:apigateway:{at.region}::/usageplans/{id_}"))


def _delete_plan(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_usage_plan(usagePlanId=resource.id)


def _create_key(at: Context, request: Request) -> Made:
    inputs = request.inputs
    made = at.client("apigateway").create_api_key(
        name=text(inputs, "name"),
        enabled=inputs.get("enabled") is not False,
        tags=tags(inputs),
        **given(inputs, {"description": "description", "value": "value", "customerId": "customerId"}),
    )
    arn = f"arn:aws:apigateway:{at.region}::/apikeys/{made['id']}"
    return Made(made["id"], outputs(at, {"enabled": True, **inputs}, arn=arn, value=made["value"]))


def _check_key(request: Request) -> Iterator[Problem]:
    value = request.inputs.get("value")
    if isinstance(value, str) and len(value) not in KEY_LENGTH:
        yield Problem("value", "value must have 20 to 128 characters.")


def _update_key(at: Context, old: Resource, request: Request) -> Made:
    operations = patches(old.inputs, request.inputs, {"description": "description"})
    if operations:
        at.client("apigateway").update_api_key(apiKey=old.id, patchOperations=operations)
    kept = {prop: old.outputs[prop] for prop in ("arn", "value")}
    return Made(old.id, outputs(at, {"enabled": True, **request.inputs}, **kept))


def _delete_key(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_api_key(apiKey=resource.id)


def _add_key(at: Context, request: Request) -> Made:
    plan, key = text(request.inputs, "usagePlanId"), text(request.inputs, "keyId")
    made = at.client("apigateway").create_usage_plan_key(
        usagePlanId=plan, keyId=key, keyType=request.inputs.get("keyType") or "API_KEY"
    )
    return Made(key, outputs(at, request.inputs, name=made.get("name"), value=made.get("value")))


def _remove_key(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        plan = text(resource.inputs, "usagePlanId")
        at.client("apigateway").delete_usage_plan_key(usagePlanId=plan, keyId=resource.id)


def _put_response(at: Context, request: Request) -> Made:
    inputs = request.inputs
    api, type_ = text(inputs, "restApiId"), text(inputs, "responseType")
    members = given(inputs, {"responseParameters": "responseParameters", "responseTemplates": "responseTemplates"})
    if inputs.get("statusCode") is not None:
        members["statusCode"] = str(inputs["statusCode"])
    at.client("apigateway").put_gateway_response(restApiId=api, responseType=type_, **members)
    return Made(f"aggr-{api}-{type_}", outputs(at, inputs))


def _delete_response(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_gateway_response(
            restApiId=text(resource.inputs, "restApiId"), responseType=text(resource.inputs, "responseType")
        )


def _put_account(at: Context, request: Request) -> Made:
    role = str(request.inputs.get("cloudwatchRoleArn") or "")
    operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    at.client("apigateway").update_account(patchOperations=[operation])
    throttle = [{"burstLimit": 5000, "rateLimit": 10000}]
    return Made("api-gateway-account", outputs(at, request.inputs, throttleSettings=throttle, features=["UsagePlans"]))


def _create_validator(at: Context, request: Request) -> Made:
    inputs = request.inputs
    names = {"validateRequestBody": "validateRequestBody", "validateRequestParameters": "validateRequestParameters"}
    made = at.client("apigateway").create_request_validator(
        restApiId=text(inputs, "restApi"), name=text(inputs, "name"), **given(inputs, names)
    )
    return Made(made["id"], outputs(at, inputs))


def _update_validator(at: Context, old: Resource, request: Request) -> Made:
    names = {prop: prop for prop in ("name", "validateRequestBody", "validateRequestParameters")}
    operations = patches(old.inputs, request.inputs, names)
    if operations:
        api = text(request.inputs, "restApi")
        at.client("apigateway").update_request_validator(
            restApiId=api, requestValidatorId=old.id, patchOperations=operations
        )
    return Made(old.id, outputs(at, request.inputs))


def _delete_validator(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        api = text(resource.inputs, "restApi")
        at.client("apigateway").delete_request_validator(restApiId=api, requestValidatorId=resource.id)


def _create_model(at: Context, request: Request) -> Made:
    gateway, inputs = at.client("apigateway"), request.inputs
    api, name = text(inputs, "restApi"), text(inputs, "name")
    with gone_is_fine():
        gateway.delete_model(restApiId=api, modelName=name)
    made = gateway.create_model(
        restApiId=api, name=name, **given(inputs, {p: p for p in ("contentType", "description", "schema")})
    )
    return Made(made["id"], outputs(at, inputs))


def _delete_model(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_model(
            restApiId=text(resource.inputs, "restApi"), modelName=text(resource.outputs, "name")
        )


KINDS = (
    Kind(
        typ="aws:apigateway/usagePlan:UsagePlan",
        create=_create_plan, update=_update_plan, delete=_delete_plan,
        named_by="name", name_limit=1024, identity=frozenset(),
        # AWS changes both in place; the emulator cannot, and the keys of the plan follow its new id.
        replace_on=frozenset({"apiStages", "quotaSettings"}),
        differs="A change of apiStages or quotaSettings replaces it.",
    ),
    Kind(
        typ="aws:apigateway/apiKey:ApiKey",
        create=_create_key, update=_update_key, delete=_delete_key, check=_check_key,
        named_by="name", name_limit=1024, identity=frozenset(), replace_on=frozenset({"enabled"}),
        secret_outputs=frozenset({"value"}),
        differs="A change of enabled replaces it. A call must bring it in a header; authorizers cannot name it.",
    ),
    Kind(
        typ="aws:apigateway/usagePlanKey:UsagePlanKey",
        create=_add_key, delete=_remove_key,
        identity=frozenset({"usagePlanId", "keyId"}), secret_outputs=frozenset({"value"}),
    ),
    Kind(
        typ="aws:apigateway/response:Response",
        create=_put_response, update=lambda at, _, request: _put_response(at, request), delete=_delete_response,
        identity=frozenset({"restApiId", "responseType"}),
    ),
    Kind(
        typ="aws:apigateway/account:Account",
        create=_put_account, update=lambda at, _, request: _put_account(at, request),
    ),
    Kind(
        typ="aws:apigateway/requestValidator:RequestValidator",
        create=_create_validator, update=_update_validator, delete=_delete_validator,
        named_by="name", identity=frozenset(),
    ),
    Kind(
        typ="aws:apigateway/model:Model",
        create=_create_model, update=lambda at, _, request: _create_model(at, request), delete=_delete_model,
        named_by="name", identity=frozenset({"restApi", "name"}),
    ),
)  # fmt: skip
