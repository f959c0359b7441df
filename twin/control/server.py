"""Answers the calls of AWS about what the twin's own processes are: DMS, Pipes, Scheduler, event source mappings.

The emulator's gateway passes them on, so that callers need one endpoint only. Loopback, and only who knows the key.
"""

from __future__ import annotations

import hmac
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from twin.cloud.context import Context
from twin.control import mappings, pipes, schedules, tasks
from twin.control.errors import ControlError
from twin.emulator.control import KEY_HEADER
from twin.errors import TwinError

log = logging.getLogger(__name__)


class ControlServer:
    """Serves in a thread of its own until closed.

    Args:
        at: what was made, and the processes that run it.
        port: on loopback.
        key: what callers must present.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, at: Context, port: int, key: str) -> None:
        class Handler(_Handler):
            context = at
            expected = key

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    context: Context
    expected: str

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            status, document = 200, self._answer(body)
        except ControlError as error:
            status, document = error.status, {"__type": error.code, "message": str(error), "Message": str(error)}
        except TwinError as error:
            log.warning("%s %s failed: %s", self.command, self.path, error)
            status, document = 500, {"__type": "InternalException", "message": str(error)}
        encoded = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(encoded)))
        if "__type" in document:
            self.send_header("x-amzn-errortype", document["__type"])
        self.end_headers()
        self.wfile.write(encoded)

    def _answer(self, body: bytes) -> dict[str, Any]:
        if not hmac.compare_digest(self.headers.get(KEY_HEADER, ""), self.expected):
            raise ControlError("AccessDeniedException", "Only the twin's administrator may do this.", 403)
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise ControlError("SerializationException", f"The body is not JSON: {error}.") from error
        target = self.headers.get("x-amz-target", "")
        if target.startswith(tasks.PREFIX):
            return tasks.answer(self.context, target.removeprefix(tasks.PREFIX), request)
        url = urlsplit(self.path)
        path, query = unquote(url.path), dict(parse_qsl(url.query))
        if path.startswith(mappings.PREFIX):
            return mappings.answer(self.context, self.command, path, query, request)
        if path.startswith(schedules.PREFIX):
            return schedules.answer(self.context, self.command, path, query)
        return pipes.answer(self.context, self.command, path)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        log.debug(format, *args)
