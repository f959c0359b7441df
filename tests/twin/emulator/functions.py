"""Small Lambda functions for tests."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from twin.emulator import Emulator


def make_function(emulator: Emulator, source: str, *, timeout_s: int = 30, role: str | None = None) -> str:
    """Make a function of a module's source that has `handle(event, context)`; gives its name."""
    name = f"f-{uuid4().hex[:8]}"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("module.py", source)
    emulator.client("lambda").create_function(
        FunctionName=name,
        Role=role or make_role(emulator, "lambda.amazonaws.com"),
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler="module.handle",
        Code={"ZipFile": content.getvalue()},
        Timeout=timeout_s,
    )
    return name


def make_role(emulator: Emulator, service: str, *statements: dict[str, Any]) -> str:
    """Make a role that a service may assume; gives its ARN."""
    iam = emulator.client("iam")
    name = f"r-{uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    arn: str = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(document))
    return arn


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Wait until the condition holds and give what it gave; fail with `what` after the timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)
