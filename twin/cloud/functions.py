"""Lambda functions, their permissions and invocations, real in the emulator."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from twin.cloud.assets import archive_bytes, sha256_base64
from twin.cloud.attempt import attempt
from twin.cloud.context import Context, text
from twin.cloud.errors import ResourceError
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs, tags
from twin.cloud.services import GONE, code, completing, create_or_adopt, gone_is_fine, is_there, wait_for

HOST_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

# Properties with a member of the same meaning in CreateFunction and UpdateFunctionConfiguration.
# `vpcConfig` is not among them: the network is recorded, so its subnets do not exist in the emulator.
CONFIGURATION = {
    "description": "Description",
    "handler": "Handler",
    "memorySize": "MemorySize",
    "role": "Role",
    "runtime": "Runtime",
    "timeout": "Timeout",
}
# "Configure AWS Lambda functions": defaults of the service.
DEFAULTS: dict[str, Any] = {"memorySize": 128, "timeout": 3, "packageType": "Zip", "reservedConcurrentExecutions": -1}


def _create(at: Context, request: Request) -> Made:
    functions, inputs, name = at.client("lambda"), request.inputs, text(request.inputs, "name")
    content = _code(request)
    created = create_or_adopt(
        lambda: functions.create_function(
            FunctionName=name,
            Code={"ZipFile": content},
            Architectures=inputs.get("architectures") or ["x86_64"],
            Tags=tags(inputs),
            **_configuration(inputs),
        )
    )
    if not created:
        _upload(functions, name, content, inputs)
        functions.update_function_configuration(FunctionName=name, **_configuration(inputs))
    with completing(lambda: _made(at, request, content)):
        _reserve(functions, name, inputs)
    return _made(at, request, content)


def _update(at: Context, old: Resource, request: Request) -> Made:
    functions, inputs = at.client("lambda"), request.inputs
    content = _code(request)
    if sha256_base64(content) != old.outputs.get("codeSha256"):
        _upload(functions, old.id, content, inputs)
    if _configuration(inputs) != _configuration(old.inputs):
        functions.update_function_configuration(FunctionName=old.id, **_configuration(inputs))
    _reserve(functions, old.id, inputs)
    return _made(at, request, content)


def _upload(functions: Any, name: str, content: bytes, inputs: Inputs) -> None:
    functions.update_function_code(
        FunctionName=name, ZipFile=content, Architectures=inputs.get("architectures") or ["x86_64"]
    )


def _check(request: Request) -> Iterator[Problem]:
    inputs, runtime = request.inputs, request.inputs.get("runtime")
    for prop in ("imageUri", "s3Bucket"):
        if inputs.get(prop):
            yield Problem(prop, f"{prop}: the twin runs zips only. Give code=pulumi.FileArchive(...).")
    if inputs.get("packageType") == "Image":
        yield Problem("packageType", "packageType is 'Image': the twin runs zips only.")
    elif runtime != HOST_RUNTIME and not isinstance(runtime, Unknown):
        yield Problem(
            "runtime",
            f"runtime is {runtime!r}, but this twin runs on {HOST_RUNTIME}, and the zip holds packages built for one "
            f"version only. Start the twin with another Python, or set the stack's runtime to {HOST_RUNTIME}.",
        )


def _code(request: Request) -> bytes:
    return archive_bytes(request.inputs.get("code"), f"{request.typ} {request.name!r}: code")


def _configuration(inputs: Inputs) -> dict[str, Any]:
    values = {member: inputs[prop] for prop, member in CONFIGURATION.items() if inputs.get(prop) is not None}
    variables = (inputs.get("environment") or {}).get("variables") or {}
    values["Environment"] = {"Variables": {key: str(value) for key, value in variables.items()}}
    if inputs.get("tracingConfig"):
        values["TracingConfig"] = {"Mode": inputs["tracingConfig"]["mode"]}
    if inputs.get("loggingConfig"):
        values["LoggingConfig"] = {key[0].upper() + key[1:]: value for key, value in inputs["loggingConfig"].items()}
    if inputs.get("ephemeralStorage"):
        values["EphemeralStorage"] = {"Size": int(inputs["ephemeralStorage"]["size"])}
    if inputs.get("deadLetterConfig"):
        values["DeadLetterConfig"] = {"TargetArn": inputs["deadLetterConfig"]["targetArn"]}
    return values


def _reserve(functions: Any, name: str, inputs: Inputs) -> None:
    reserved = inputs.get("reservedConcurrentExecutions")
    if reserved is None or int(reserved) < 0:
        functions.delete_function_concurrency(FunctionName=name)
    else:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))


def _made(at: Context, request: Request, content: bytes) -> Made:
    name = text(request.inputs, "name")
    arn = at.arn("lambda", f"function:{name}")
    invocations = f"arn:aws:apigateway:{at.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    logging = {"logFormat": "Text", "logGroup": f"/aws/lambda/{name}", **(request.inputs.get("loggingConfig") or {})}
    computed = {
        "arn": arn,
        "invokeArn": invocations,
        "qualifiedArn": f"{arn}:$LATEST",
        "qualifiedInvokeArn": invocations.replace(arn, f"{arn}:$LATEST"),
        "version": "$LATEST",
        "codeSha256": sha256_base64(content),
        "sourceCodeSize": len(content),
        "loggingConfig": logging,
    }
    given = {prop: value for prop, value in request.inputs.items() if value is not None}
    return Made(name, outputs(at, {**DEFAULTS, **given}, **computed))


def _read(at: Context, resource: Resource) -> dict[str, Any]:
    found = at.client("lambda").get_function_configuration(FunctionName=resource.id)
    now = {prop: found[member] for prop, member in CONFIGURATION.items() if prop in resource.outputs}
    variables = (found.get("Environment") or {}).get("Variables") or {}
    if variables or resource.outputs.get("environment"):
        now["environment"] = {"variables": variables}
    return {**resource.outputs, **now, "codeSha256": found["CodeSha256"], "sourceCodeSize": found["CodeSize"]}


def _delete(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("lambda").delete_function(FunctionName=resource.id)


def _exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("lambda").get_function_configuration(FunctionName=resource.id))


def _permit(at: Context, request: Request) -> Made:
    functions, inputs = at.client("lambda"), request.inputs
    statement = str(inputs.get("statementId") or f"{request.name}-{request.hex(7)}")
    function = text(inputs, "function")
    with gone_is_fine():
        functions.remove_permission(FunctionName=function, StatementId=statement)
    optional = {"sourceArn": "SourceArn", "sourceAccount": "SourceAccount", "principalOrgId": "PrincipalOrgID"}
    functions.add_permission(
        FunctionName=function,
        StatementId=statement,
        Action=text(inputs, "action"),
        Principal=text(inputs, "principal"),
        **{member: inputs[prop] for prop, member in optional.items() if inputs.get(prop)},
    )
    return Made(statement, outputs(at, inputs, statementId=statement))


def _forbid(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("lambda").remove_permission(FunctionName=text(resource.inputs, "function"), StatementId=resource.id)


def _invoke(at: Context, request: Request) -> Made:
    payload = text(request.inputs, "input")
    if _is_crud(request.inputs):
        payload = _with_lifecycle(request.inputs, "create", None)
    result = call(at, text(request.inputs, "functionName"), payload, f"{request.typ} {request.name!r}")
    # The provider's id tells what was called with what.
    digest = hashlib.sha256(payload.encode()).hexdigest()[:32]
    id_ = "_".join([text(request.inputs, "functionName"), str(request.inputs.get("qualifier") or "$LATEST"), digest])
    return Made(id_, outputs(at, request.inputs, result=result))


def _invoke_again(at: Context, old: Resource, request: Request) -> Made:
    if not _is_crud(request.inputs):
        return Made(old.id, outputs(at, request.inputs, result=old.outputs["result"]))
    payload = _with_lifecycle(request.inputs, "update", old.inputs)
    result = call(at, text(request.inputs, "functionName"), payload, f"{request.typ} {request.name!r}")
    return Made(old.id, outputs(at, request.inputs, result=result))


def _invoke_last(at: Context, resource: Resource) -> None:
    if not _is_crud(resource.inputs):
        return
    payload = _with_lifecycle(resource.inputs, "delete", resource.inputs)
    with gone_is_fine():
        call(at, text(resource.inputs, "functionName"), payload, f"{resource.typ} {resource.name!r}")


def _is_crud(inputs: Inputs) -> bool:
    return inputs.get("lifecycleScope") == "CRUD"


def _with_lifecycle(inputs: Inputs, action: str, before: Inputs | None) -> str:
    event = json.loads(text(inputs, "input"))
    previous = None if before is None else json.loads(text(before, "input"))
    event[str(inputs.get("terraformKey") or "tf")] = {"action": action, "prev_input": previous}
    return json.dumps(event)


def call(at: Context, function: str, payload: str, owner: str) -> str:
    """Invoke a function and give the JSON text of its answer.

    Raises:
        ResourceError: the function raised; the message is the function's own.
    """
    functions = at.client("lambda")
    _wait_until_active(functions, function)
    attempt().say(f"waiting for the function {function}")
    answer: Mapping[str, Any] = functions.invoke(FunctionName=function, Payload=payload.encode())
    body = answer["Payload"].read().decode("utf-8", "replace")
    if not answer.get("FunctionError"):
        return str(body)
    try:
        message = json.loads(body).get("errorMessage") or body
    except (ValueError, AttributeError):
        message = body
    raise ResourceError(f"{owner}: the function {function} failed: {message}")


def _wait_until_active(functions: Any, function: str) -> None:
    def active() -> bool:
        try:
            settings = functions.get_function_configuration(FunctionName=function)
        except functions.exceptions.ClientError as error:
            if code(error) in GONE:
                return True  # let the call itself say so
            raise
        return bool(settings.get("State") != "Pending" and settings.get("LastUpdateStatus") != "InProgress")

    wait_for(f"The function {function}", active)


KINDS = (
    Kind(
        typ="aws:lambda/function:Function",
        create=_create, update=_update, delete=_delete, exists=_exists, read=_read, check=_check,
        named_by="name", name_limit=64, volatile=frozenset({"codeSha256", "lastModified", "sourceCodeSize"}),
        differs="Zips for this machine's Python only. The network, layers and file systems are recorded.",
    ),
    Kind(
        typ="aws:lambda/permission:Permission",
        create=_permit, delete=_forbid, identity=frozenset({"function", "statementId"}),
        differs="API Gateway on this machine does not ask for it.",
    ),
    Kind(
        typ="aws:lambda/invocation:Invocation",
        create=_invoke, update=_invoke_again, delete=_invoke_last, volatile=frozenset({"result"}),
    ),
)  # fmt: skip
