"""What stands in for Pulumi's engine in tests: it listens for logs, starts the plugin, and calls it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

# As a loaded machine needs; the engine itself kills after a second.
END_S = 30.0
REQUESTS = {
    "Attach": plugin_pb2.PluginAttach,
    "Cancel": empty_pb2.Empty,
    "Check": pb.CheckRequest,
    "CheckConfig": pb.CheckRequest,
    "Configure": pb.ConfigureRequest,
    "Create": pb.CreateRequest,
    "Delete": pb.DeleteRequest,
    "Diff": pb.DiffRequest,
    "DiffConfig": pb.DiffRequest,
    "GetMapping": pb.GetMappingRequest,
    "GetPluginInfo": empty_pb2.Empty,
    "GetSchema": pb.GetSchemaRequest,
    "Handshake": pb.ProviderHandshakeRequest,
    "Invoke": pb.InvokeRequest,
    "Read": pb.ReadRequest,
    "Update": pb.UpdateRequest,
}


class Engine(engine_pb2_grpc.EngineServicer):
    """Keeps what plugins log."""

    def __init__(self) -> None:
        self.logs: list[engine_pb2.LogRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        """Keep a text."""
        self.logs.append(request)
        return empty_pb2.Empty()

    def close(self) -> None:
        """Listen no more."""
        self._server.stop(None).wait()


class Caller:
    """Calls a plugin's methods with JSON, as the engine's own log has it."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._stub = ResourceProviderStub(self._channel)

    def call(self, method: str, request: dict[str, Any] | None = None, timeout_s: float = 60.0) -> dict[str, Any]:
        """Call, and give the answer. Raises grpc.RpcError."""
        message = json_format.ParseDict(request or {}, REQUESTS[method]())
        answer = getattr(self._stub, method)(message, timeout=timeout_s, wait_for_ready=True)
        found: dict[str, Any] = json_format.MessageToDict(answer)
        return found

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


@contextmanager
def plugin(executable: Path, engine: Engine, cwd: Path) -> Iterator[Caller]:
    """Start a plugin as the engine does, and end it as the engine does."""
    with subprocess.Popen(
        [str(executable), engine.address],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read().decode()
        caller = Caller(int(line))
        try:
            yield caller
        finally:
            caller.close()
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_S)
            finally:  # else a plugin that does not end would hold the test for ever
                process.kill()
