"""A provider for the real Pulumi engine that makes nothing, and answers as the mocks do.

Pulumi starts it as `pulumi-resource-aws`; the port that it listens on is its first line of output.
"""

from __future__ import annotations

import sys
from concurrent import futures
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import grpc
import pulumi
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.infra.answers import Answers
from tests.infra.made import made

_REGION = "eu-central-1"


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """What is asked for comes back, with what AWS would add once it is there."""

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=False)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="7.51.1")

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse()

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        kind, name = request.urn.split("::")[2].rpartition("$")[2], request.urn.rpartition("::")[2]
        id_, added = made(kind, name, _plain(request.properties), _REGION)
        properties = struct_pb2.Struct()
        properties.CopyFrom(request.properties)
        properties.update(added)
        return provider_pb2.CreateResponse(id=id_, properties=properties)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        args = pulumi.runtime.MockCallArgs(token=request.tok, args=_plain(request.args), provider="")
        answer, _ = Answers(preview=False, answers={}, region=_REGION).call(args)
        found = struct_pb2.Struct()
        found.update({"id": "found", **answer})
        return provider_pb2.InvokeResponse(**{"return": found})

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def _plain(values: struct_pb2.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(values)
    return {name: rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value for name, value in found.items()}


def main() -> None:
    """Serve until Pulumi ends the process."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
