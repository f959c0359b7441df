"""API Gateway's own answers, as problem documents (RFC 9457).

Source: "Gateway response types for API Gateway". A type with a status has a document with it; the two
defaults stand for many statuses, so their documents have none, which the RFC allows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

_TYPE = "application/problem+json"
_SERVER = 500
_DETAIL = "The API could not answer this request. Try again."


@dataclass(frozen=True)
class GatewayResponse:
    """What API Gateway answers by itself in one case.

    Attributes:
        kind: its type, such as `UNAUTHORIZED`.
        status: HTTP status; None leaves the one that the case has.
    """

    kind: str
    status: int | None
    title: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """Headers in API Gateway's form, where a constant stands in single quotes."""
        headers = {"Content-Type": _TYPE, **self.headers}
        return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()}

    @property
    def template(self) -> str:
        """The problem document; to a caller's mistake API Gateway adds its own message, with quotes."""
        fixed: dict[str, object] = {"type": "about:blank", "title": self.title}
        if self.status is not None:
            fixed["status"] = self.status
        if self.kind == "DEFAULT_5XX" or (self.status or 0) >= _SERVER:
            # Its message may be null here, which is no detail.
            return json.dumps({**fixed, "detail": _DETAIL})
        return json.dumps(fixed)[:-1] + ', "detail": $context.error.messageString}'


def gateway_responses(realm: str) -> list[GatewayResponse]:
    """List the answers that the API gives instead of API Gateway's own."""
    # Curl and browsers ask for a password when they see this (RFC 7617).
    ask = {"WWW-Authenticate": f'Basic realm="{realm}", charset="UTF-8"'}
    return [
        GatewayResponse("UNAUTHORIZED", 401, "Unauthorized", ask),
        GatewayResponse("ACCESS_DENIED", 403, "Forbidden"),
        GatewayResponse("INVALID_API_KEY", 403, "Forbidden"),
        # The answer to a path or method that the API does not have.
        GatewayResponse("MISSING_AUTHENTICATION_TOKEN", 404, "Not Found"),
        GatewayResponse("RESOURCE_NOT_FOUND", 404, "Not Found"),
        GatewayResponse("REQUEST_TOO_LARGE", 413, "Content Too Large"),
        GatewayResponse("UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported Media Type"),
        GatewayResponse("THROTTLED", 429, "Too Many Requests", {"Retry-After": "1"}),
        GatewayResponse("QUOTA_EXCEEDED", 429, "Too Many Requests"),
        GatewayResponse("AUTHORIZER_FAILURE", 500, "Internal Server Error"),
        GatewayResponse("AUTHORIZER_CONFIGURATION_ERROR", 500, "Internal Server Error"),
        GatewayResponse("INTEGRATION_FAILURE", 502, "Bad Gateway"),
        GatewayResponse("INTEGRATION_TIMEOUT", 504, "Gateway Timeout"),
        GatewayResponse("DEFAULT_4XX", None, "Client Error"),
        GatewayResponse("DEFAULT_5XX", None, "Server Error"),
    ]
