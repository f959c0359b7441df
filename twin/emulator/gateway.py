"""The ASGI application that the emulator serves: ministack's, behind what is the twin's own.

Own paths, on loopback only and without a signature:

- `GET /_twin/ready`: 200 once requests are taken, with the process id.
- `GET /_twin/save`: writes the state of all services to the folder.
- `GET /_twin/credentials?role=ARN&service=pipes.amazonaws.com`: temporary credentials of a role for a service
  of the twin, if the role's trust policy lets that service assume it; 403 if not. On AWS a service assumes a
  role with its service principal, which no caller outside of AWS can have.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from twin.emulator.connection import remember
from twin.emulator.control import Control
from twin.emulator.journal import Journal

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/_twin/"
SESSION_S = 12 * 3600

Reply = tuple[int, dict[str, Any]]


def gateway(
    application: Application, account: str, control: Control | None = None, journal: Journal | None = None
) -> Application:
    """Put the twin's own paths, and the services that `control` answers for, in front of `application`.

    What a request stored is in the journal before its answer leaves.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if journal is not None:
            send = journalled(journal, send)
        if control is not None and scope["type"] == "http" and control.answers(scope):
            await control.pass_on(scope, receive, send)
            return
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await application(scope, remember(receive), send)
            return
        status, document = _answer(scope, account, journal)
        body = json.dumps(document).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve


def journalled(journal: Journal, send: Send) -> Send:
    """Give a `send` that writes the journal before an answer, and reads it before the first request is taken."""

    async def send_after(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            journal.flush()
            if journal.long:
                _save(journal)  # where that fails, the journal still has it all
        elif message["type"] == "lifespan.startup.complete":
            await journal.replay()
        await send(message)

    return send_after


def _answer(scope: Scope, account: str, journal: Journal | None) -> Reply:
    if scope["method"] == "GET" and scope["path"] == PREFIX + "ready":
        return 200, {"ready": True, "pid": os.getpid()}
    if scope["method"] == "GET" and scope["path"] == PREFIX + "credentials":
        query = parse_qs(scope["query_string"].decode())
        return role_credentials(account, query.get("role", [""])[0], query.get("service", [""])[0])
    if scope["method"] == "GET" and scope["path"] == PREFIX + "save":
        return _save(journal)
    return 404, {"message": f"The twin's emulator has no {scope['method']} {scope['path']}."}


def _save(journal: Journal | None) -> Reply:
    from ministack import app
    from ministack.core import persistence

    # A file that cannot be written is a line in ministack's log and nothing more; each one is replaced when it can.
    files = {path: path.stat().st_ino for path in Path(persistence.STATE_DIR).glob("*.json")}
    persistence.save_all(app._build_persistence_save_dict())
    if old := sorted(path.name for path, number in files.items() if path.stat().st_ino == number):
        return 500, {"message": f"{', '.join(old)} could not be written; emulator.log says why."}
    if journal is not None:
        journal.begin_anew()
    return 200, {}


def role_credentials(account: str, role_arn: str, service: str) -> Reply:
    """Assume a role as an AWS service does, by its principal in the role's trust policy.

    Returns:
        Status and document, in the names of STS: AccessKeyId, SecretAccessKey, SessionToken, Expiration.
    """
    from ministack.core.responses import request_scope
    from ministack.services import iam, sts

    name = role_arn.rsplit("/", 1)[-1]
    with request_scope(account, ""):
        role = iam._roles.get(name)
    if role is None:
        return 404, {"message": f"The role {role_arn!r} does not exist in account {account}."}
    if not trusts_service(role.get("AssumeRolePolicyDocument"), service):
        return 403, {"message": f"The trust policy of {role_arn} does not let {service} assume the role."}
    key = f"ASIA{secrets.token_hex(8).upper()}"
    secret = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
    token = secrets.token_hex(32)
    expiry = time.time() + SESSION_S
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{service}",
            "UserId": f"{name}:{service}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "AccountId": account,
            "Expiration": expiry,
        },
    )
    return 200, {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": datetime.fromtimestamp(expiry, UTC).isoformat(),
    }


def trusts_service(document: str | dict[str, Any] | None, service: str) -> bool:
    """Tell whether a trust policy allows `sts:AssumeRole` to a service principal; conditions are not looked at."""
    policy = json.loads(document) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", [])
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        if service not in _listed(services) and "*" not in _listed(services):
            continue
        if not {"sts:AssumeRole", "sts:*", "*"}.intersection(_listed(statement.get("Action", []))):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
