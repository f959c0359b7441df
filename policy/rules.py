"""All rules, in the order of the table in docs/checks.md."""

from __future__ import annotations

from policy import (
    alarms,
    encryption,
    gateway,
    logs,
    network,
    order,
    paths,
    permissions,
    queues,
    resource_policies,
    structure,
)
from policy.rule import Rule

MODULES = (
    network, paths, permissions, resource_policies, encryption, gateway, queues, logs, alarms, order, structure,
)  # fmt: skip
# Every rule that a module holds, so that none can be forgotten here.
RULES: tuple[Rule, ...] = tuple(
    found for module in MODULES for found in vars(module).values() if isinstance(found, Rule)
)
# Those that hold for the stack on a developer's machine too.
LOCAL: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.local)
