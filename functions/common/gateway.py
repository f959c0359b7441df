"""API Gateway's proxy events and answers (REST API, AWS_PROXY integration).

Source: "Set up Lambda proxy integrations in API Gateway" (Amazon API Gateway Developer Guide). Nothing here raises on
an odd event: what a client can send must become an answer.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from functions.common.errors import (
    CacheUnavailable,
    DatabaseUnavailable,
    FunctionError,
    NotYetProjected,
    SecretUnreadable,
)
from functions.common.problems import Problem, internal_error, unavailable
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.common.tracing import current, trace_id

JsonObject = dict[str, Any]

# RFC 3986, section 3.3, and what is escaped already.
_IN_PATHS = "/%!$&'()*+,;=:@"


@dataclass(frozen=True)
class Request:
    """What a client asked. Header names are in lower case; of a header sent twice `headers` has the last value.

    `path` has the stage, `own_path` has not; `route` is that as the API declares it, such as `/clients/{id}`;
    `traceparent` is the trace that the request is part of (see tracing.py).
    """

    id: str
    method: str
    route: str
    path: str
    own_path: str
    principal: str
    headers: Mapping[str, str]
    repeated_headers: frozenset[str]
    query: Mapping[str, str]
    path_parameters: Mapping[str, str]
    body: str | None
    is_base64: bool
    traceparent: str | None

    @classmethod
    def from_event(cls, event: JsonObject) -> Request:
        """Read a proxy event; what it lacks is empty, and so is all of what is no object."""
        event = _object(event)
        context = _object(event.get("requestContext"))
        authorizer = _object(context.get("authorizer"))
        body = event.get("body")
        headers = {name.lower(): value for name, value in _texts(event.get("headers")).items()}
        sent: set[str] = set()
        repeated: set[str] = set()
        for name, values in _object(event.get("multiValueHeaders")).items():
            lower = str(name).lower()
            # Also two that differ in case only.
            if lower in sent or (isinstance(values, list) and len(values) > 1):
                repeated.add(lower)
            sent.add(lower)
        return cls(
            id=_text(context.get("requestId")),
            method=_text(event.get("httpMethod")),
            route=_text(event.get("resource")),
            # With the stage, as the client wrote it; `path` of the event is without.
            path=_text(context.get("path")) or _text(event.get("path")),
            own_path=_text(event.get("path")),
            principal=_text(authorizer.get("principalId")),
            headers=headers,
            repeated_headers=frozenset(repeated),
            query=_texts(event.get("queryStringParameters")),
            path_parameters=_texts(event.get("pathParameters")),
            body=body if isinstance(body, str) else None,
            is_base64=event.get("isBase64Encoded") is True,
            traceparent=current(headers.get("traceparent")),
        )

    @property
    def base_path(self) -> str:
        """What stands before the API's own paths: the stage ("/prod"), a base path, or nothing.

        Fit for a header, whatever stood in the event: no line ends, and no host ("//...").
        """
        base = self.path.removesuffix(self.own_path) if self.own_path else ""
        return "/" * base.startswith("/") + quote(base.lstrip("/"), safe=_IN_PATHS, errors="replace")

    @property
    def instance(self) -> str:
        """A URI reference to this one request, for problem documents."""
        return f"{quote(self.path, errors='replace')}#{quote(self.id, errors='replace')}"


@dataclass(frozen=True)
class Response:
    """An answer: `body` is JSON text, None for no body; `message` and `facts` are for the request's log line."""

    status: int
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "answered"
    facts: Mapping[str, object] = field(default_factory=dict)

    def to_proxy(self) -> JsonObject:
        """The answer as API Gateway takes it."""
        headers = dict(self.headers)
        if self.body is not None:
            headers.setdefault("Content-Type", "application/json")
        return {
            "statusCode": self.status,
            "headers": headers,
            "body": self.body if self.body is not None else "",
            "isBase64Encoded": False,
        }


def answer(event: JsonObject, operation: Callable[[Request], Response]) -> JsonObject:
    """Run `operation` on the event's request and give its response; every exception becomes a problem document.

    Writes one log line and the metric of the answer's class of status. All lines of the request have its correlation id
    and the id of its trace.
    """
    request = Request.from_event(event)
    logger.append_keys(correlation_id=request.id, trace_id=trace_id(request.traceparent))
    try:
        response = operation(request)
    except Problem as problem:
        response = _refusal(problem, request)
    except (DatabaseUnavailable, CacheUnavailable, SecretUnreadable) as error:
        logger.error("dependency unavailable", reason=str(error))
        response = _refusal(unavailable("A service that this request needs does not answer; try again."), request)
    except NotYetProjected as error:
        response = _refusal(unavailable(f"{error} Try again."), request)
    except Exception as error:  # noqa: BLE001 - the outermost place: logged, and answered as a problem
        # Without the text of an error that is not our own: it may quote what was sent, or a row.
        reason = str(error) if isinstance(error, FunctionError) else ""
        stack = traceback.format_tb(error.__traceback__)
        logger.error("request failed", kind=type(error).__name__, reason=reason, stack=stack)
        response = _refusal(internal_error(), request)
    logger.info(response.message, status=response.status, extra=response.facts)
    metrics.add_metric(name=f"Answered{response.status // 100}xx", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
    return response.to_proxy()


def _refusal(problem: Problem, request: Request) -> Response:
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", **problem.headers}
    return Response(problem.status, json.dumps(problem.document(request.instance)), headers)


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> dict[str, str]:
    return {str(name): text for name, text in _object(value).items() if isinstance(text, str)}
