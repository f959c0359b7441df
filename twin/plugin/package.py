"""One package of Pulumi's as the twin provides it: what the engine asks before it asks about resources."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from twin.cloud import Cloud
from twin.cloud.kind import Problem
from twin.cloud.sdk import version
from twin.cloud.settings import ProviderSettings
from twin.plugin.answers import answering, failures
from twin.plugin.engine import EngineLog
from twin.plugin.properties import received
from twin.plugin.schema import schema

if TYPE_CHECKING:
    import grpc

AWS = "aws"


class Kept(Protocol):
    """The twin, as providers see it; each call raises TwinError if there is none."""

    def cloud(self) -> Cloud:
        """Give the cloud; waits until it is ready."""

    def place_for(self, settings: ProviderSettings) -> tuple[str, str]:
        """Give region and account: the twin's, or those that it would take from a first provider like this."""

    def warnings(self) -> list[str]:
        """Give what the user should know before anything else."""

    def settle(self, settings: ProviderSettings) -> ProviderSettings:
        """Take region and account from a first provider; give its settings with the region filled in."""

    def changed(self, *, removed: bool = False) -> None:
        """Hear that something was made or changed, or removed."""


class Package(ResourceProviderServicer):
    """One provider (the default one of a package, or an `aws.Provider`) in one run of the engine, but for resources.

    Args:
        package: the package that it stands in for.
        twin: the twin that it works on.
        folder: what relative paths in the program start from.
        region: AWS region, where the program names none.
    """

    def __init__(self, package: str, twin: Kept, folder: Path = Path(), region: str | None = None) -> None:
        self.engine = EngineLog()
        self._package = package
        self._twin = twin
        self._folder = folder
        self._region = region
        self._settings = ProviderSettings()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Begin nothing more; what waits for something gives up."""
        self._cancelled.set()

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()

    def Handshake(  # noqa: N802
        self, request: pb.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> pb.ProviderHandshakeResponse:
        """Agree on the protocol, and learn where the engine is."""
        self.engine.attach(request.engine_address)
        return pb.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True, supports_autonaming_configuration=True
        )

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        """Learn where the engine is, when it did not start this plugin itself (PULUMI_DEBUG_PROVIDERS)."""
        self.engine.attach(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Be of the version of the installed package."""
        return plugin_pb2.PluginInfo(version=version(self._package))

    def GetSchema(self, request: pb.GetSchemaRequest, context: grpc.ServicerContext) -> pb.GetSchemaResponse:  # noqa: N802
        """Describe what the twin knows of the package."""
        return pb.GetSchemaResponse(schema=schema(self._package))

    def GetMapping(self, request: pb.GetMappingRequest, context: grpc.ServicerContext) -> pb.GetMappingResponse:  # noqa: N802
        """Have no mapping to other tools' names."""
        return pb.GetMappingResponse()

    def CheckConfig(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        """Check a provider's own inputs."""
        with answering(context):
            problems = self._provider_problems(received(request.news, self._folder).values)
            return pb.CheckResponse(inputs=request.news, failures=failures(problems))

    def _provider_problems(self, values: Mapping[str, Any]) -> list[Problem]:
        self._twin.cloud()
        if self._package != AWS:
            return []
        settings = self._read(values)
        return list(settings.problems(*self._twin.place_for(settings)))

    def _read(self, values: Mapping[str, Any]) -> ProviderSettings:
        settings = ProviderSettings.from_inputs(values)
        return replace(settings, region=settings.region or self._region)

    def DiffConfig(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:  # noqa: N802
        """Compare a provider's inputs; another region is another provider."""
        with answering(context):
            old, new = (received(each, self._folder).values for each in (request.old_inputs, request.news))
            changed = sorted(prop for prop in {*old, *new} if old.get(prop) != new.get(prop))
            return pb.DiffResponse(
                changes=pb.DiffResponse.DIFF_SOME if changed else pb.DiffResponse.DIFF_NONE,
                diffs=changed,
                replaces=[prop for prop in changed if prop == "region"],
            )

    def Configure(self, request: pb.ConfigureRequest, context: grpc.ServicerContext) -> pb.ConfigureResponse:  # noqa: N802
        """Take over settings: region, accounts, tags."""
        with answering(context):
            if self._package == AWS:
                self._settings = self._read(received(request.args, self._folder).values)
                if self._settings.region is not None:
                    self._settings = self._twin.settle(self._settings)
                self._twin.cloud()
                for text in self._twin.warnings():
                    self.engine.say_once("warning", text)
            return pb.ConfigureResponse(
                acceptSecrets=True,
                supportsPreview=True,
                acceptResources=True,
                acceptOutputs=True,
                supports_autonaming_configuration=True,
            )

    def _cloud(self) -> Cloud:
        # A provider that names no region takes the others'; only what needs one by now chooses it.
        if self._package == AWS and self._settings.region is None:
            self._settings = self._twin.settle(self._settings)
        return self._twin.cloud()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        """Stop as soon as can be: Ctrl-C, or a failed resource."""
        self.cancel()
        return empty_pb2.Empty()
