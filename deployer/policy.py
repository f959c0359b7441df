"""The deployer's policy, put together from the needs of all types of resources."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from deployer import account, calls, flow, network, storage
from deployer.need import Need

# What each type of resource needs.
NEEDS = {**account.NEEDS, **calls.NEEDS, **flow.NEEDS, **network.NEEDS, **storage.NEEDS}

# What IAM takes in a managed policy, in characters without white space ("IAM and AWS STS quotas").
LONGEST = 6144


def statements(needs: Iterable[Need], prefix: str) -> list[dict[str, Any]]:
    """Put needs of the same resources and condition into one statement each, in a fixed order.

    Args:
        prefix: what the names of the stack's resources start with.
    """
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for need in needs:
        where = tuple(sorted(f"arn:aws:{resource}" for resource in need.resources)) or ("*",)
        condition = json.dumps(need.condition, sort_keys=True) if need.condition else ""
        groups[(condition, where)].update(f"{need.service}:{action}" for action in need.actions)
    found = []
    for (condition, where), actions in groups.items():
        statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": list(where)}
        if condition:
            statement["Condition"] = json.loads(condition)
        found.append(statement)
    found.sort(key=lambda one: (one["Resource"] != ["*"], one["Action"]))
    filled: list[dict[str, Any]] = json.loads(json.dumps(found).replace("{prefix}", prefix))
    return filled


def documents(prefix: str) -> list[dict[str, Any]]:
    """Write the deployer's policy as documents that IAM takes as managed policies, each as full as it may be."""
    needs = [*account.BEFORE, *(need for each in NEEDS.values() for need in each)]
    pages: list[list[dict[str, Any]]] = [[]]
    for statement in statements(needs, prefix):
        if size(_document([*pages[-1], statement])) > LONGEST:
            pages.append([])
        pages[-1].append(statement)
    return [_document(page) for page in pages]


def size(document: dict[str, Any]) -> int:
    """Count a document's characters as IAM does, without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def _document(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": found}
