"""A Kinesis of one stream on loopback that keeps what it takes, and can be told to misbehave."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

THROTTLED = "ProvisionedThroughputExceededException"


@dataclass(frozen=True)
class Taken:
    key: str
    data: bytes

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.data)  # type: ignore[no-any-return]

    @property
    def row(self) -> dict[str, Any]:
        return self.document["data"]  # type: ignore[no-any-return]

    @property
    def metadata(self) -> dict[str, Any]:
        return self.document["metadata"]  # type: ignore[no-any-return]


class FakeKinesis:
    """Takes all records unless `judge` gives error codes, `status` an HTTP error, or it is held."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.calls: list[int] = []
        self.targets: set[str] = set()
        self.judge: Callable[[Sequence[Taken]], list[str | None]] = lambda records: [None] * len(records)
        self.status = 200
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._arrived = threading.Condition()
        self.waiting = 0
        self._dropped = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                fake.targets.add(f"{self.headers['x-amz-target']} {self.headers['content-type']}")
                status, answer = fake.answer(json.loads(body), self.headers["authorization"] or "")
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                return  # clients are killed on purpose

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: dict[str, Any], authorization: str) -> tuple[int, dict[str, Any]]:
        with self._arrived:
            self.waiting += 1
            self._arrived.notify_all()
        self._open.wait()
        with self._lock:
            self.waiting -= 1
            if self._dropped > 0:
                self._dropped -= 1
                return 500, {"__type": "InternalFailure"}
            self.calls.append(len(request["Records"]))
            if self.status != 200:
                return self.status, {"__type": THROTTLED if self.status == 400 else "InternalFailure"}
            assert request["StreamName"] == "events"
            assert authorization.startswith("AWS4-HMAC-SHA256")
            records = [Taken(r["PartitionKey"], base64.b64decode(r["Data"])) for r in request["Records"]]
            assert len(records) <= 500
            assert sum(len(r.key) + len(r.data) for r in records) <= 5 << 20
            codes = self.judge(records)
            self.taken += [record for record, code in zip(records, codes, strict=True) if code is None]
            results = [
                {"ErrorCode": code, "ErrorMessage": "no"} if code else {"SequenceNumber": "1", "ShardId": "shardId-0"}
                for code in codes
            ]
            return 200, {"FailedRecordCount": sum(1 for code in codes if code), "Records": results}

    def hold(self) -> None:
        """Let calls arrive and wait, without an answer and without taking anything."""
        self._open.clear()

    def release(self) -> None:
        """Answer the calls that wait and all later ones."""
        self._open.set()

    def drop(self) -> None:
        """Take nothing of the calls that wait; answer later ones."""
        with self._lock:
            self._dropped = self.waiting
        self._open.set()

    def wait_for_call(self, timeout_s: float = 20) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.waiting > 0, timeout_s), "nobody called"

    def stop(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
