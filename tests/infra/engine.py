"""What Pulumi's engine tells a policy pack, told from a graph: the same messages, over the same protocol."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policy.graph import Graph, Resource
from policy.unknown import Unknown
from tests.infra.graph import ROOT

STACK = "urn:pulumi:dev::orders::pulumi:pulumi:Stack::orders-dev"
_PROVIDER = "pulumi:providers:aws"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
# Inputs that the engine hands over as secrets.
_HIDDEN = {"secretString", "value", "result"}


@dataclass(frozen=True)
class Said:
    """One line of a policy pack's answer."""

    rule: str
    message: str
    urn: str
    mandatory: bool


class Pack:
    """A policy pack at work.

    Args:
        channel: to the process of the pack.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub: Any = analyzer_pb2_grpc.AnalyzerStub(channel)

    def info(self) -> analyzer_pb2.AnalyzerInfo:
        """What the pack says of itself."""
        found: analyzer_pb2.AnalyzerInfo = self._stub.GetAnalyzerInfo(empty_pb2.Empty())
        return found

    def analyze(self, graph: Graph) -> list[Said]:
        """Show every resource as it comes in, then the stack, as a preview and an update do."""
        said = []
        for found in graph.resources:
            request = analyzer_pb2.AnalyzeRequest(
                type=found.type, urn=found.urn, name=found.name, properties=_struct(found.inputs)
            )
            said += _said(self._stub.Analyze(request))
        return said + self.analyze_stack(graph)

    def analyze_stack(self, graph: Graph) -> list[Said]:
        """Show the stack alone."""
        stack = analyzer_pb2.AnalyzerResource(type="pulumi:pulumi:Stack", urn=STACK, name="orders-dev")
        resources = [stack, *(_message(found) for found in graph.resources)]
        return _said(self._stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources)))


@contextmanager
def pack() -> Iterator[Pack]:
    """Start the pack as Pulumi does, and stop it."""
    command = [sys.executable, str(ROOT / "policy" / "__main__.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT / "policy") as process:
        assert process.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                yield Pack(channel)
        finally:
            process.terminate()


def _message(found: Resource) -> analyzer_pb2.AnalyzerResource:
    provider = str(found.options.get("provider") or "")
    urn = provider.rpartition("::")[0]
    return analyzer_pb2.AnalyzerResource(
        type=found.type,
        urn=found.urn,
        name=found.name,
        properties=_struct({**found.inputs, **found.outputs}),
        parent=found.parent or STACK,
        dependencies=sorted(found.depends_on),
        propertyDependencies={
            name: analyzer_pb2.AnalyzerPropertyDependencies(urns=sorted(urns)) for name, urns in found.uses.items()
        },
        options=analyzer_pb2.AnalyzerResourceOptions(protect=bool(found.options.get("protect"))),
        provider=analyzer_pb2.AnalyzerProviderResource(type=_PROVIDER, urn=urn, name="aws") if urn else None,
    )


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    found = struct_pb2.Struct()
    for name, value in values.items():
        plain = _sent(value)
        if plain is not None:
            hidden = name in _HIDDEN and not isinstance(value, Unknown)
            found.update({name: {_SIGNATURE: _SECRET, "value": plain} if hidden else plain})
    return found


def _sent(value: Any) -> Any:
    if isinstance(value, Unknown):
        return UNKNOWN_STRING_VALUE
    if isinstance(value, pulumi.FileArchive):
        return {_SIGNATURE: _ARCHIVE, "path": value.path}
    if isinstance(value, Mapping):
        return {key: _sent(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_sent(part) for part in value]
    return value


def _said(response: Any) -> list[Said]:
    levels = analyzer_pb2.EnforcementLevel
    return [
        Said(re.sub(r"\s+", " ", each.policyName), each.message, each.urn, each.enforcementLevel == levels.MANDATORY)
        for each in response.diagnostics
    ]
