"""Lambda authorizer of the REST API: HTTP Basic credentials.

For an authorizer of type TOKEN with the Authorization header as identity source (a request without it gets its 401 from
API Gateway, without this function); REQUEST events are understood as well. Whatever is not right ends in the
exception "Unauthorized", which API Gateway answers with 401. Source: "Use API Gateway Lambda authorizers" (Amazon API
Gateway Developer Guide).

The policy allows every method of the stage: API Gateway caches it by credentials and uses it for other paths too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.authorize.credentials import CredentialCheck, Known, parse_basic
from functions.common.secret_store import SecretStore
from functions.common.settings import Environment
from functions.common.telemetry import logger


@cache
def credentials() -> CredentialCheck:
    """The check that the environment names, made at the first request."""
    environment = Environment()
    arn = environment.text("CREDENTIALS_SECRET_ARN")
    return CredentialCheck(SecretStore(), arn, environment.integer("CREDENTIALS_MAX_AGE_S", 300, most=86400))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry.

    Raises Exception("Unauthorized") for wrong or malformed credentials; SecretUnreadable and SettingsError, which API
    Gateway answers with 500, if nobody can be checked.
    """
    presented = parse_basic(_header(event))
    known = credentials().check(presented) if presented else None
    if known is None:
        logger.info("refused", reason="wrong credentials" if presented else "malformed header")
        raise Exception("Unauthorized")  # noqa: TRY002 - the very text that API Gateway turns into 401
    logger.info("allowed")
    return allow(known, str(event.get("methodArn", "")))


def allow(known: Known, method_arn: str) -> dict[str, Any]:
    """An answer that allows all methods of the method's stage, and names the API key of the usage plan, if any."""
    # arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>
    api, stage = [*method_arn.split("/"), ""][:2]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*"}],
    }
    answer: dict[str, Any] = {"principalId": known.credentials.username, "policyDocument": policy}
    if known.api_key:
        answer["usageIdentifierKey"] = known.api_key
    return answer


def _header(event: dict[str, Any]) -> object:
    if "authorizationToken" in event:
        return event["authorizationToken"]
    headers = event.get("headers")
    if not isinstance(headers, dict):
        return None
    return next((value for name, value in headers.items() if str(name).lower() == "authorization"), None)
