"""The rules as a policy pack of Pulumi's: a mandatory stack policy for each, run in previews and in updates.

What a rule cannot tell before the deployment is no breach, but it is said: one advisory policy lists
it, rule by rule, and the same rules run once more when everything is there.
"""

from __future__ import annotations

from collections import defaultdict

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policy.adapter import Inputs, graph_of
from policy.rule import Finding, Rule
from policy.rules import RULES

NAME = "orders"
COLLECTS = "inputs-are-seen"
UNDECIDED = "cannot-be-told-yet"
# As many resources as a line of the list names.
_NAMED = 3


def policies() -> list[Policy]:
    """Make the policies: one that collects inputs, one a rule, and one for what the rules cannot tell."""
    inputs = Inputs()

    def collect(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        inputs.collect(args)

    def undecided(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        graph = graph_of(args.resources, inputs)
        found = [finding for rule in RULES for finding in rule.undecided(graph)]
        if found:
            report_violation(summary(found), None)

    return [
        ResourceValidationPolicy(
            name=COLLECTS,
            description="Hands what the program gives to each resource to the rules; reports nothing.",
            validate=collect,
            enforcement_level=EnforcementLevel.ADVISORY,
        ),
        *(_policy(rule, inputs) for rule in RULES),
        StackValidationPolicy(
            name=UNDECIDED,
            description="Lists what the rules can tell only when the resources are there.",
            validate=undecided,
            enforcement_level=EnforcementLevel.ADVISORY,
        ),
    ]


def summary(findings: list[Finding]) -> str:
    """Write which rules cannot be told yet of how many resources, one line a rule."""
    by_rule: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        by_rule[finding.rule.name].append(finding.resource.name)
    lines = [f"  {rule}: {len(names)} ({_some(names)})" for rule, names in by_rule.items()]
    return "\n".join(
        [f"{len(by_rule)} rules cannot be told yet of some resources; they are when these are there:", *lines]
    )


def _policy(rule: Rule, inputs: Inputs) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        for finding in sorted(rule.breaches(graph_of(args.resources, inputs)), key=str):
            report_violation(str(finding), finding.resource.urn)

    return StackValidationPolicy(
        name=rule.name,
        description=rule.summary,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        remediation_steps=rule.remedy,
    )


def _some(names: list[str]) -> str:
    named = sorted(names)
    return ", ".join(named if len(named) <= _NAMED else [*named[:_NAMED], "..."])
