"""Tags that change after a resource was made."""

from __future__ import annotations

from collections.abc import Mapping

from twin.cloud.context import Context
from twin.cloud.kind import Made, Resource, tags

# Services of the emulator that take tags by ARN; of the others, changed tags are recorded only.
SERVICES = frozenset({"dynamodb", "lambda", "sns", "sqs"})


def retag(at: Context, old: Resource, made: Made) -> None:
    """Give a resource's tags to its service, where they changed."""
    was, now = tags(old.outputs), tags(made.outputs)
    arn, service = str(made.outputs.get("arn") or ""), old.typ.partition(":")[2].partition("/")[0]
    if was == now or service not in SERVICES or not arn:
        return
    client = at.client("resourcegroupstaggingapi")
    gone, changed = sorted(was.keys() - now.keys()), _changed(was, now)
    if gone:
        client.untag_resources(ResourceARNList=[arn], TagKeys=gone)
    if changed:
        client.tag_resources(ResourceARNList=[arn], Tags=changed)


def _changed(was: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in now.items() if was.get(key) != value}
