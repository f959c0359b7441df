"""An HTTP proxy in front of the emulator that answers some requests itself, or keeps their answers back.

It looks at whole requests, so it can do what a busy service does (say "slow down", or take a part of a batch) and what
a bad network does: take a request, have it done, and lose the answer, so that the caller does it again.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qs

from drills.partial import Refusals
from twin.listener import Listener
from twin.ports import LOOPBACK

CHUNK = 65_536
HEAD_END = b"\r\n\r\n"


class Verdict(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - no password
    THROTTLE = "throttle"
    LOSE_ANSWER = "lose answer"
    PART = "take a part"


@dataclass(frozen=True)
class Call:
    """A request of an AWS API: the service as its signature names it, and the operation (empty for REST APIs)."""

    service: str
    operation: str
    path: str


Rule = Callable[[Call], Verdict]


class Toll(Listener):
    """The proxy; a context.

    Args:
        target: port of the emulator.
        rule: decides about each request, on a thread of its connection.
        refusals: what is refused of a request of which a part is to be taken.
    """

    def __init__(self, target: int, rule: Rule, refusals: Refusals | None = None) -> None:
        self.counts: Counter[tuple[str, Verdict]] = Counter()
        self.rule = rule
        self._refusals = refusals
        self._target = target
        super().__init__("toll", self._pass)

    def stopped(self, verdict: Verdict) -> int:
        """How many requests met with this verdict."""
        return sum(count for (_, one), count in self.counts.items() if one is verdict)

    def _pass(self, near: socket.socket) -> None:
        far: socket.socket | None = None
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError), near:
            while (request := _read(near)) is not None:
                head, body = request
                call = read_call(head, body)
                verdict = self.rule(call)
                self.counts[call.service, verdict] += 1
                if verdict is Verdict.THROTTLE:
                    near.sendall(refusal(call.service))
                    continue
                if far is None:
                    far = socket.create_connection((LOOPBACK, self._target), timeout=60)
                if verdict is Verdict.PART and self._refusals is not None:
                    near.sendall(_in_part(far, self._refusals, call, head, body))
                    continue
                far.sendall(head + body)
                answer = _whole(*_answer(far))
                if verdict is Verdict.LOSE_ANSWER:
                    break
                near.sendall(answer)
        if far is not None:
            far.close()


def _read(near: socket.socket) -> tuple[bytes, bytes] | None:
    content = b""
    while HEAD_END not in content:
        more = near.recv(CHUNK)
        if not more:
            return None
        content += more
    head, body = content.split(HEAD_END, 1)
    length = int(_headers(head).get("content-length", "0"))
    while len(body) < length:
        body += near.recv(CHUNK)
    return head + HEAD_END, body


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _in_part(far: socket.socket, refusals: Refusals, call: Call, head: bytes, body: bytes) -> bytes:
    part = refusals.part(body)
    if part is None:
        far.sendall(head + body)
        return _whole(*_answer(far))
    if part.body is None:
        return _whole(["HTTP/1.1 200 OK"], part.completed(None))
    far.sendall(refusals.signed(call.service, call.path, _headers(head), part.body))
    lines, answer = _answer(far)
    return _whole(lines, part.completed(answer) if " 200 " in lines[0] else answer)


def _answer(far: socket.socket) -> tuple[list[str], bytes]:
    response = http.client.HTTPResponse(far)
    response.begin()
    body = response.read()
    kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _OF_ONE_HOP]
    return [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in kept)], body


def _whole(lines: list[str], body: bytes) -> bytes:
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


_OF_ONE_HOP = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})


def read_call(head: bytes, body: bytes) -> Call:
    """Tell which operation of which service a request asks for."""
    headers = _headers(head)
    credential = headers.get("authorization", "").partition("Credential=")[2].split(",")[0].split("/")
    service = credential[3] if len(credential) > 4 else ""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if not operation and "form-urlencoded" in headers.get("content-type", ""):
        operation = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    return Call(service, operation, head.split(b" ", 2)[1].decode("latin-1"))


def refusal(service: str) -> bytes:
    """The answer by which a service asks to slow down, as its API documents it."""
    status, headers, body = "400 Bad Request", {"content-type": "application/x-amz-json-1.0"}, "{}"
    if service == "kinesis":
        headers = {"content-type": "application/x-amz-json-1.1"}
        body = '{"__type":"ProvisionedThroughputExceededException","message":"Rate exceeded for shard"}'
    elif service == "sqs":
        body = '{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Rate exceeded"}'
        headers["x-amzn-query-error"] = "RequestThrottled;Sender"
    elif service == "sns":
        headers = {"content-type": "text/xml"}
        body = (
            '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
            "<Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        )
    else:
        status = "429 Too Many Requests"
        headers = {"content-type": "application/json", "x-amzn-errortype": "TooManyRequestsException"}
        body = '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}'
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return _whole(lines, body.encode())
