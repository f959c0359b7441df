"""A port of the keeper's for one provider of one run of the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from twin.plugin.provider import Provider
from twin.ports import LOOPBACK

# The engine works on as many resources at a time as its --parallel says, and most only wait for a local service.
THREADS = 64
# As the engine's own limit: a program may hand over code as text.
LIMIT_BYTES = 400 * 1024 * 1024
END_S = 1.0


def serve(provider: Provider) -> tuple[grpc.Server, int]:
    """Serve a provider on a free port of loopback."""
    server = grpc.server(
        ThreadPoolExecutor(THREADS, thread_name_prefix="calls"),
        options=[
            ("grpc.max_receive_message_length", LIMIT_BYTES),
            ("grpc.max_send_message_length", LIMIT_BYTES),
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    return server, port


class Session:
    """One provider, served until `close`."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._server, self.port = serve(provider)

    def close(self) -> None:
        """Stop serving; calls that are under way come to their end first."""
        self.provider.cancel()
        self._server.stop(END_S).wait()
        self.provider.close()
