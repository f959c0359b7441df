"""API Gateway deployments, stages and the settings of their methods. Real in the emulator.

The address of a stage ends with the stage's name, as on AWS, and needs no name
service: `http://127.0.0.1:<port>/_aws/execute-api/<api>/<stage>`.
"""

from __future__ import annotations

from twin.cloud.context import Context, text
from twin.cloud.kind import Kind, Made, Request, Resource, outputs, tags
from twin.cloud.rest_api import given, patches
from twin.cloud.services import gone_is_fine, is_there

STAGE = {
    "deployment": "deploymentId",
    "description": "description",
    "xrayTracingEnabled": "tracingEnabled",
    "cacheClusterEnabled": "cacheClusterEnabled",
    "cacheClusterSize": "cacheClusterSize",
    "documentationVersion": "documentationVersion",
    "variables": "variables",
}
SETTINGS = {
    "metricsEnabled": "metrics/enabled",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
    "throttlingBurstLimit": "throttling/burstLimit",
    "throttlingRateLimit": "throttling/rateLimit",
    "cachingEnabled": "caching/enabled",
    "cacheTtlInSeconds": "caching/ttlInSeconds",
    "cacheDataEncrypted": "caching/dataEncrypted",
    "requireAuthorizationForCacheControl": "caching/requireAuthorizationForCacheControl",
    "unauthorizedCacheControlHeaderStrategy": "caching/unauthorizedCacheControlHeaderStrategy",
}


def _deploy(at: Context, request: Request) -> Made:
    inputs = request.inputs
    made = at.client("apigateway").create_deployment(
        restApiId=text(inputs, "restApi"), **given(inputs, {"description": "description"})
    )
    return Made(made["id"], outputs(at, inputs, createdDate=made["createdDate"].isoformat()))


def _describe(at: Context, old: Resource, request: Request) -> Made:
    operations = patches(old.inputs, request.inputs, {"description": "description"})
    if operations:
        api = text(request.inputs, "restApi")
        at.client("apigateway").update_deployment(restApiId=api, deploymentId=old.id, patchOperations=operations)
    return Made(old.id, outputs(at, request.inputs, createdDate=old.outputs["createdDate"]))


def _undeploy(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        api = text(resource.inputs, "restApi")
        at.client("apigateway").delete_deployment(restApiId=api, deploymentId=resource.id)


def _create_stage(at: Context, request: Request) -> Made:
    inputs = request.inputs
    names = {**STAGE, "deployment": "deploymentId"}
    at.client("apigateway").create_stage(
        restApiId=text(inputs, "restApi"),
        stageName=text(inputs, "stageName"),
        tags=tags(inputs),
        **given(inputs, names),
    )
    return _stage(at, request)


def _update_stage(at: Context, old: Resource, request: Request) -> Made:
    inputs = request.inputs
    operations = patches(old.inputs, inputs, {prop: STAGE[prop] for prop in STAGE if prop != "variables"})
    was, now = old.inputs.get("variables") or {}, inputs.get("variables") or {}
    for name in {*was, *now}:
        if name not in now:
            operations.append({"op": "remove", "path": f"/variables/{name}"})
        elif was.get(name) != now[name]:
            operations.append({"op": "replace", "path": f"/variables/{name}", "value": str(now[name])})
    if operations:
        at.client("apigateway").update_stage(
            restApiId=text(inputs, "restApi"), stageName=text(inputs, "stageName"), patchOperations=operations
        )
    return _stage(at, request)


def _stage(at: Context, request: Request) -> Made:
    api, stage = text(request.inputs, "restApi"), text(request.inputs, "stageName")
    computed = {
        "arn": f"arn:aws:apigateway:{at.region}::/restapis/{api}/stages/{stage}",
        "executionArn": at.arn("execute-api", f"{api}/{stage}"),
        "invokeUrl": f"{at.emulator.endpoint}/_aws/execute-api/{api}/{stage}",
        "webAclArn": "",
    }
    return Made(f"ags-{api}-{stage}", outputs(at, request.inputs, **computed))


def _delete_stage(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("apigateway").delete_stage(
            restApiId=text(resource.inputs, "restApi"), stageName=text(resource.inputs, "stageName")
        )


def _stage_exists(at: Context, resource: Resource) -> bool:
    where = {"restApiId": resource.inputs["restApi"], "stageName": resource.inputs["stageName"]}
    return is_there(lambda: at.client("apigateway").get_stage(**where))


def _put_settings(at: Context, request: Request) -> Made:
    inputs = request.inputs
    api, stage, path = text(inputs, "restApi"), text(inputs, "stageName"), text(inputs, "methodPath")
    operations = [
        {"op": "replace", "path": f"/{_pointer(path)}/{SETTINGS[prop]}", "value": str(value).lower() if
         isinstance(value, bool) else str(value)}
        for prop, value in inputs["settings"].items()
        if prop in SETTINGS and value is not None
    ]  # fmt: skip
    at.client("apigateway").update_stage(restApiId=api, stageName=stage, patchOperations=operations)
    return Made(f"{api}-{stage}-{path}", outputs(at, inputs))


def _pointer(method_path: str) -> str:
    resource, _, method = method_path.rpartition("/")
    return f"{'*' if resource == '*' else '~1' + resource.strip('/').replace('/', '~1')}/{method}"


def _delete_settings(at: Context, resource: Resource) -> None:
    inputs = resource.inputs
    operation = {"op": "remove", "path": f"/{_pointer(text(inputs, 'methodPath'))}"}
    with gone_is_fine():
        at.client("apigateway").update_stage(
            restApiId=text(inputs, "restApi"), stageName=text(inputs, "stageName"), patchOperations=[operation]
        )


KINDS = (
    Kind(
        typ="aws:apigateway/deployment:Deployment",
        create=_deploy, update=_describe, delete=_undeploy,
        differs="A stage answers with the methods that the API has by now, not those that were deployed.",
    ),
    Kind(
        typ="aws:apigateway/stage:Stage",
        create=_create_stage, update=_update_stage, delete=_delete_stage, exists=_stage_exists,
        identity=frozenset({"restApi", "stageName"}),
    ),
    Kind(
        typ="aws:apigateway/methodSettings:MethodSettings",
        create=_put_settings, update=lambda at, _, request: _put_settings(at, request), delete=_delete_settings,
        identity=frozenset({"restApi", "stageName", "methodPath"}),
    ),
)  # fmt: skip
