"""API Gateway REST APIs: what a call meets on its way to a function. Real in the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs, tags
from twin.cloud.services import gone_is_fine, is_there

INTEGRATION = {
    "type": "type",
    "integrationHttpMethod": "integrationHttpMethod",
    "uri": "uri",
    "connectionType": "connectionType",
    "connectionId": "connectionId",
    "credentials": "credentials",
    "requestParameters": "requestParameters",
    "requestTemplates": "requestTemplates",
    "passthroughBehavior": "passthroughBehavior",
    "timeoutMilliseconds": "timeoutInMillis",
    "cacheNamespace": "cacheNamespace",
    "cacheKeyParameters": "cacheKeyParameters",
    "contentHandling": "contentHandling",
}
METHOD = {
    "authorizerId": "authorizerId",
    "authorizationScopes": "authorizationScopes",
    "apiKeyRequired": "apiKeyRequired",
    "operationName": "operationName",
    "requestModels": "requestModels",
    "requestParameters": "requestParameters",
    "requestValidatorId": "requestValidatorId",
}


def given(inputs: Inputs, names: dict[str, str]) -> dict[str, Any]:
    """Translate the properties that are there to the members of a request."""
    return {member: inputs[prop] for prop, member in names.items() if inputs.get(prop) is not None}


def patches(old: Inputs, new: Inputs, names: dict[str, str]) -> list[dict[str, str]]:
    """Give the JSON patch, in API Gateway's manner, from one set of properties to another."""
    changed = [prop for prop in names if new.get(prop) != old.get(prop)]
    return [{"op": "replace", "path": f"/{names[prop]}", "value": _patch_value(new.get(prop))} for prop in changed]


def _patch_value(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _create_api(at: Context, request: Request) -> Made:
    gateway, inputs = at.client("apigateway"), request.inputs
    names = {
        "description": "description",
        "binaryMediaTypes": "binaryMediaTypes",
        "minimumCompressionSize": "minimumCompressionSize",
        "apiKeySource": "apiKeySource",
        "policy": "policy",
        "disableExecuteApiEndpoint": "disableExecuteApiEndpoint",
    }
    members = given(inputs, names)
    if "minimumCompressionSize" in members:
        members["minimumCompressionSize"] = int(members["minimumCompressionSize"])
    endpoint = inputs.get("endpointConfiguration") or {}
    types = endpoint.get("types") or "EDGE"
    # The provider takes a single text for this list.
    members["endpointConfiguration"] = {"types": [types] if isinstance(types, str) else list(types)}
    api = gateway.create_rest_api(name=text(inputs, "name"), tags=tags(inputs), **members)
    _put_body(gateway, api["id"], inputs)
    return _api(at, request, api["id"])


def _update_api(at: Context, old: Resource, request: Request) -> Made:
    gateway = at.client("apigateway")
    names = {prop: prop for prop in ("name", "description", "policy", "apiKeySource")}
    operations = patches(old.inputs, request.inputs, names)
    if operations:
        gateway.update_rest_api(restApiId=old.id, patchOperations=operations)
    if request.inputs.get("body") != old.inputs.get("body"):
        _put_body(gateway, old.id, request.inputs)
    return _api(at, request, old.id)


def _put_body(gateway: Any, id_: str, inputs: Inputs) -> None:
    body = inputs.get("body")
    if body:
        content = body if isinstance(body, str) else json.dumps(body)
        gateway.put_rest_api(restApiId=id_, mode=inputs.get("putRestApiMode") or "overwrite", body=content.encode())


def _api(at: Context, request: Request, id_: str) -> Made:
    resources = at.client("apigateway").get_resources(restApiId=id_)["items"]
    computed = {
        "arn": f"arn:aws:apigateway:{at.region}::/restapis/{id_}",
        "executionArn": at.arn("execute-api", id_),
        "rootResourceId": next(entry["id"] for entry in resources if entry["path"] == "/"),
        "apiKeySource": request.inputs.get("apiKeySource") or "HEADER",
    }
    return Made(id_, outputs(at, request.inputs, **computed))


def _delete_api(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_rest_api(restApiId=resource.id)


def _create_resource(at: Context, request: Request) -> Made:
    gateway, api = at.client("apigateway"), text(request.inputs, "restApi")
    parent, part = text(request.inputs, "parentId"), text(request.inputs, "pathPart")
    siblings = gateway.get_resources(restApiId=api, limit=500)["items"]
    found = next((one for one in siblings if one.get("parentId") == parent and one.get("pathPart") == part), None)
    made = found or gateway.create_resource(restApiId=api, parentId=parent, pathPart=part)
    return Made(made["id"], outputs(at, request.inputs, path=made["path"]))


def _update_resource(at: Context, old: Resource, request: Request) -> Made:
    gateway, where = at.client("apigateway"), {"restApiId": text(request.inputs, "restApi"), "resourceId": old.id}
    operations = patches(old.inputs, request.inputs, {"parentId": "parentId", "pathPart": "pathPart"})
    if operations:
        gateway.update_resource(**where, patchOperations=operations)
    return Made(old.id, outputs(at, request.inputs, path=gateway.get_resource(**where)["path"]))


def _delete_resource(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_resource(restApiId=text(resource.inputs, "restApi"), resourceId=resource.id)


def _method_of(inputs: Inputs) -> dict[str, str]:
    return {
        "restApiId": text(inputs, "restApi"),
        "resourceId": text(inputs, "resourceId"),
        "httpMethod": text(inputs, "httpMethod"),
    }


def _check_method(request: Request) -> Iterator[Problem]:
    authorization = request.inputs.get("authorization")
    if authorization in ("CUSTOM", "COGNITO_USER_POOLS") and not request.inputs.get("authorizerId"):
        yield Problem("authorization", f"authorization {authorization} needs authorizerId.")


def _put_method(at: Context, request: Request) -> Made:
    inputs = request.inputs
    where = _method_of(inputs)
    at.client("apigateway").put_method(
        **where, authorizationType=text(inputs, "authorization"), **given(inputs, METHOD)
    )
    return Made(f"agm-{where['restApiId']}-{where['resourceId']}-{where['httpMethod']}", outputs(at, inputs))


def _update_method(at: Context, old: Resource, request: Request) -> Made:
    # PutMethod drops the integration, which is a resource of its own and need not have changed.
    gateway, where = at.client("apigateway"), _method_of(request.inputs)
    integration = gateway.get_method(**where).get("methodIntegration")
    made = _put_method(at, request)
    if integration:
        responses = integration.pop("integrationResponses", None) or {}
        members = {"httpMethod": "integrationHttpMethod"}
        kept = {members.get(name, name): value for name, value in integration.items() if value is not None}
        gateway.put_integration(**where, **kept)
        for response in responses.values():
            gateway.put_integration_response(**where, **{key: value for key, value in response.items() if value})
    return made


def _delete_method(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_method(**_method_of(resource.inputs))


def _check_integration(request: Request) -> Iterator[Problem]:
    inputs, method = request.inputs, request.inputs.get("integrationHttpMethod")
    proxy = str(inputs.get("type") or "") in ("AWS", "AWS_PROXY")
    if proxy and method != "POST" and not isinstance(method, Unknown) and ":lambda:" in str(inputs.get("uri")):
        yield Problem(
            "integrationHttpMethod",
            f"integrationHttpMethod is {method!r}; Lambda is invoked with POST whatever the method of the API is.",
        )


def _put_integration(at: Context, request: Request) -> Made:
    inputs, where = request.inputs, _method_of(request.inputs)
    at.client("apigateway").put_integration(**where, **given(inputs, INTEGRATION))
    return Made(f"agi-{where['restApiId']}-{where['resourceId']}-{where['httpMethod']}", outputs(at, inputs))


def _delete_integration(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_integration(**_method_of(resource.inputs))


def reader(call: str, **names: str) -> Callable[[Context, Resource], bool]:
    """Tell whether a read of API Gateway finds a resource; its arguments come from the properties named."""

    def exists(at: Context, resource: Resource) -> bool:
        arguments = {name: resource.id if prop == "id" else resource.inputs[prop] for name, prop in names.items()}
        return is_there(lambda: getattr(at.client("apigateway"), call)(**arguments))

    return exists


METHOD_KEY = frozenset({"restApi", "resourceId", "httpMethod"})
KINDS = (
    Kind(
        typ="aws:apigateway/restApi:RestApi",
        create=_create_api, update=_update_api, delete=_delete_api, named_by="name", name_limit=1024,
        exists=reader("get_rest_api", restApiId="id"), identity=frozenset(),
        # AWS changes these in place; the emulator cannot.
        replace_on=frozenset(
            {"binaryMediaTypes", "disableExecuteApiEndpoint", "endpointConfiguration", "minimumCompressionSize"}
        ),
        differs="Its address is a path of one local port. A change of binaryMediaTypes, disableExecuteApiEndpoint, "
        "endpointConfiguration or minimumCompressionSize replaces it.",
    ),
    Kind(
        typ="aws:apigateway/resource:Resource",
        create=_create_resource, update=_update_resource, delete=_delete_resource,
        exists=reader("get_resource", restApiId="restApi", resourceId="id"),
        identity=frozenset({"restApi", "parentId", "pathPart"}), volatile=frozenset({"path"}),
    ),
    Kind(
        typ="aws:apigateway/method:Method",
        create=_put_method, update=_update_method, delete=_delete_method, check=_check_method, identity=METHOD_KEY,
        exists=reader("get_method", restApiId="restApi", resourceId="resourceId", httpMethod="httpMethod"),
    ),
    Kind(
        typ="aws:apigateway/integration:Integration",
        create=_put_integration, update=lambda at, _, request: _put_integration(at, request),
        delete=_delete_integration, check=_check_integration, identity=METHOD_KEY,
        exists=reader("get_integration", restApiId="restApi", resourceId="resourceId", httpMethod="httpMethod"),
    ),
)  # fmt: skip
