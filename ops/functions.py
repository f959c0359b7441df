"""Invoking the system's own Lambda functions: they stand in the network where the database and the cache are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ops.aws import Aws, answering
from ops.errors import FunctionFailed


def invoke(aws: Aws, folder: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Invoke a function by the name of its folder and wait for its answer, a JSON object.

    Raises:
        FunctionFailed: it raised, ran out of time, or gave no object; has its own words.
        OutputMissing, Unreachable.
    """
    name = aws.stack.output(f"{folder}_function")
    with answering(aws.stack):
        answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(dict(payload)).encode())
        text = answer["Payload"].read().decode("utf-8", errors="replace")
    try:
        document = json.loads(text) if text else None
    except json.JSONDecodeError:
        raise FunctionFailed(name, f"its answer is not JSON: {text[:200]!r}") from None
    if "FunctionError" in answer:
        raise FunctionFailed(name, _words(document, text))
    if not isinstance(document, dict):
        raise FunctionFailed(name, f"its answer is no object: {text[:200]!r}")
    return document


def log_group(aws: Aws, function: str) -> str:
    """The log group of a function, by the function's own name."""
    configuration: dict[str, Any] = aws.client("lambda").get_function_configuration(FunctionName=function)
    return str(configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}")


def _words(document: Any, text: str) -> str:
    if isinstance(document, dict) and "errorMessage" in document:
        return f"{document.get('errorType', 'Error')}: {document['errorMessage']}"
    return text[:500]
