"""What AWS would answer to the program, made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from tests.infra.made import ACCOUNT, PARTITION, made


class Answers(pulumi.runtime.Mocks):
    """Answers as AWS would: what a resource is given comes back, with an id and what AWS adds."""

    def __init__(self, *, preview: bool, answers: Mapping[str, dict[str, Any]], region: str = "eu-central-1") -> None:
        self._preview, self._answers, self._region = preview, answers, region
        self.invokes: list[tuple[str, dict[str, Any]]] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ.startswith("pulumi:providers:"):
            return f"{args.name}-id", dict(args.inputs)
        if self._preview:
            return None, dict(args.inputs)
        id_, added = made(args.typ, args.name, args.inputs, self._region)
        return id_, {**args.inputs, **added}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        self.invokes.append((args.token, dict(args.args)))
        region = self._region
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": [f"{region}{zone}" for zone in "abc"]},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getPartition:getPartition": {"partition": PARTITION},
            "aws:iam/getRoles:getRoles": {"names": [], "arns": []},
            "aws:servicequotas/getServiceQuota:getServiceQuota": {"value": 1000},
            **self._answers,
        }
        return answers[args.token], []
