"""A small orders API with the faults of a bad network, for callers to be tested against."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Deed = str  # "take", "refuse", "lose" (taken, no answer), "fail" (500, not taken)


class FakeApi:
    """Takes each key once. `decide` says what becomes of the try of that number (from 0)."""

    def __init__(self, decide: Callable[[int], Deed]) -> None:
        self.decide = decide
        self.taken: dict[str, int] = {}
        self.tries = 0
        self.lock = threading.Lock()

    def outputs(self, port: int) -> dict[str, Any]:
        return {"api_url": f"http://127.0.0.1:{port}/prod", "api_user": "u", "api_password": "p"}


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Answer on a port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serving(api: FakeApi) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["Idempotency-Key"]
            with api.lock:
                number = api.tries
                api.tries += 1
                deed = api.decide(number)
                if deed in ("take", "lose"):
                    api.taken.setdefault(key, len(api.taken) + 1)
            if deed == "lose":
                self.close_connection = True
                return
            id_order = api.taken.get(key)
            status = {"take": 201, "refuse": 422, "fail": 500}[deed]
            body = json.dumps({"id_order": id_order, "client_version": id_order}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with listening(Handler) as port:
        yield port
