"""Taking rights away from a role for a while, which is what a wrong deployment does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.twin.conftest import System


@contextmanager
def without(system: System, role: str, action: str) -> Iterator[None]:
    """Leave a role (by the beginning of its name) without the statements that allow an action."""
    iam = system.twin.emulator.client("iam")
    pages = iam.get_paginator("list_roles").paginate()
    (name,) = [each["RoleName"] for page in pages for each in page["Roles"] if each["RoleName"].startswith(role)]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document: dict[str, Any] = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    left = [each for each in document["Statement"] if action not in each["Action"]]
    assert len(left) < len(document["Statement"]), f"{name} has no right to {action}"

    def put(statements: list[dict[str, Any]]) -> None:
        iam.put_role_policy(
            RoleName=name, PolicyName=policy, PolicyDocument=json.dumps({**document, "Statement": statements})
        )

    put(left)
    try:
        yield
    finally:
        put(document["Statement"])
