"""Lambda authorizer of the REST API: HTTP Basic credentials.

For an authorizer of type TOKEN with the Authorization header as identity source (a request without it gets its 401 from
API Gateway, without this function); REQUEST events are understood as well. Whatever is not right ends in the
exception "Unauthorized", which API Gateway answers with 401 and does not cache. Source: "Use API Gateway Lambda
authorizers" (Amazon API Gateway Developer Guide).

The policy allows every method and path of the stage that was called, and nothing else: API Gateway caches it by
credentials and uses it for the stage's other methods too.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NoReturn

from functions.authorize.check import Caller, CredentialCheck
from functions.authorize.credentials import parse_basic
from functions.common.secret_store import SecretStore
from functions.common.settings import Environment
from functions.common.telemetry import logger

DAY_S = 24 * 3600

# arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>. No part before the method may hold a wildcard,
# which would allow more than this stage.
_stage_of = re.compile(
    r"(arn:aws[a-z-]*:execute-api:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9]+/[A-Za-z0-9_-]+)/[A-Za-z]+(?:/.*)?", re.DOTALL
).fullmatch


@cache
def credentials() -> CredentialCheck:
    """The check that the environment names, made at the first request."""
    environment = Environment()
    return CredentialCheck(
        SecretStore(),
        environment.text("CREDENTIALS_SECRET_ARN"),
        max_age_s=environment.integer("CREDENTIALS_MAX_AGE_S", 300, most=DAY_S),
        overlap_s=environment.integer("CREDENTIALS_OVERLAP_S", DAY_S, most=7 * DAY_S),
    )


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry.

    Raises Exception("Unauthorized") for wrong or malformed credentials; SecretUnreadable and SettingsError, which API
    Gateway answers with 500, if nobody can be checked.
    """
    stage = _stage_of(str(event.get("methodArn"))) if isinstance(event, dict) else None
    if stage is None:
        _refuse("not an event of API Gateway")
    presented = parse_basic(_header(event))
    if presented is None:
        _refuse("malformed header")
    caller = credentials().check(presented)
    if caller is None:
        _refuse("wrong credentials")
    logger.info("allowed")
    return allow(caller, stage[1])


def allow(caller: Caller, stage_arn: str) -> dict[str, Any]:
    """An answer that allows all methods of the stage, and names the API key of the usage plan, if any."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage_arn}/*"}],
    }
    answer: dict[str, Any] = {"principalId": caller.username, "policyDocument": policy}
    if caller.api_key:
        answer["usageIdentifierKey"] = caller.api_key
    return answer


def _refuse(reason: str) -> NoReturn:
    logger.info("refused", reason=reason)
    raise Exception("Unauthorized")  # noqa: TRY002 - the very text that API Gateway turns into 401


def _header(event: dict[str, Any]) -> object:
    """The one Authorization header; None if there are several, as one could be checked and another one meant."""
    if "authorizationToken" in event:
        return event["authorizationToken"]
    found: list[object] = []
    for name, values in _pairs(event.get("multiValueHeaders")) or _pairs(event.get("headers")):
        if str(name).lower() == "authorization":
            found += values if isinstance(values, list) else [values]
    return found[0] if len(found) == 1 else None


def _pairs(headers: object) -> list[tuple[Any, Any]]:
    return list(headers.items()) if isinstance(headers, dict) else []
