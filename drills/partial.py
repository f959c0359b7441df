"""Services that take a part of a batch: they answer 200, and say of each entry whether it was taken.

PutRecords of Kinesis (an `ErrorCode` in `Records`, at the place of the record), PublishBatch of SNS and the batches of
SQS (the entry's `Id` in `Failed`). What is refused is not passed on: the emulator gets a smaller request, signed anew.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# An entry is refused so often at most: who asks again a few times, as one should, gets through.
REFUSALS = 2
SHARE = 0.5

Entry = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What becomes of a request: its body with what is taken (None: nothing is), and the whole answer to a part's."""

    body: bytes | None
    completed: Callable[[bytes | None], bytes]


class Refusals:
    """Refuses entries of one operation by chance, and knows which were not asked for again. For several threads.

    Args:
        operation: PutRecords, PublishBatch, SendMessageBatch or DeleteMessageBatch.
        seed: of the chances.
        aws: credentials of the caller: `region`, `access_key_id`, `secret_access_key`, `session_token`.
    """

    def __init__(self, operation: str, seed: int, aws: Mapping[str, str | None]) -> None:
        self.operation = operation
        self.mixed = 0  # calls of which a part was taken
        self.share = SHARE
        self._counts: Counter[str] = Counter()
        self._owed: set[str] = set()
        self._rng = random.Random(seed)  # noqa: S311 - chances, no secret
        self._lock = threading.Lock()
        self._region = str(aws["region"])
        self._credentials = Credentials(
            str(aws["access_key_id"]), str(aws["secret_access_key"]), aws.get("session_token")
        )

    @property
    def refused(self) -> int:
        """How many entries were refused, each time counted."""
        return self._counts.total()

    @property
    def owed(self) -> int:
        """How many entries were refused and have not come again."""
        return len(self._owed)

    def part(self, body: bytes) -> Part | None:
        """Divide a request; None if all of it is taken."""
        batch: _Batch = _Form(body) if self.operation == "PublishBatch" else _Json(body)
        with self._lock:
            refused = [self._refuses(batch.identity(entry)) for entry in batch.entries]
            self.mixed += 0 < sum(refused) < len(refused)
        if not any(refused):
            return None
        kept = [entry for entry, no in zip(batch.entries, refused, strict=True) if not no]
        return Part(batch.body_of(kept) if kept else None, lambda answer: batch.completed(answer, refused))

    def _refuses(self, identity: str) -> bool:
        self._owed.discard(identity)
        if self._counts[identity] >= REFUSALS or self._rng.random() >= self.share:
            return False
        self._counts[identity] += 1
        self._owed.add(identity)
        return True

    def signed(self, service: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Make the caller's request with another body."""
        kept = {name: headers[name] for name in ("host", "content-type", "x-amz-target") if name in headers}
        request = AWSRequest(method="POST", url=f"http://{headers['host']}{path}", data=body, headers=kept)
        SigV4Auth(self._credentials, service, self._region).add_auth(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        head = [f"POST {path} HTTP/1.1", *lines, f"content-length: {len(body)}", "", ""]
        return "\r\n".join(head).encode("latin-1") + body


class _Batch(Protocol):
    entries: list[Entry]

    def identity(self, entry: Entry) -> str: ...

    def body_of(self, entries: Sequence[Entry]) -> bytes: ...

    def completed(self, answer: bytes | None, refused: Sequence[bool]) -> bytes: ...


class _Json:
    """PutRecords of Kinesis, answered at each record's place, and the batches of SQS, answered by ids."""

    def __init__(self, body: bytes) -> None:
        self._request = json.loads(body)
        self._member = "Records" if "Records" in self._request else "Entries"
        self.entries: list[Entry] = self._request[self._member]

    def identity(self, entry: Entry) -> str:
        return " ".join(str(value) for name, value in entry.items() if name != "Id")

    def body_of(self, entries: Sequence[Entry]) -> bytes:
        return json.dumps({**self._request, self._member: entries}).encode()

    def completed(self, answer: bytes | None, refused: Sequence[bool]) -> bytes:
        document: Entry = json.loads(answer or b"{}")
        if self._member == "Records":
            taken = iter(document.get("Records", []))
            busy = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
            document |= {"FailedRecordCount": sum(refused), "Records": [busy if no else next(taken) for no in refused]}
        else:
            failed = [
                {"Id": entry["Id"], "Code": "InternalError", "Message": "try again", "SenderFault": False}
                for entry, no in zip(self.entries, refused, strict=True)
                if no
            ]
            document["Failed"] = [*document.get("Failed", []), *failed]
        return json.dumps(document).encode()


class _Form:
    """PublishBatch of SNS: a form of numbered members, answered in XML."""

    _PREFIX = "PublishBatchRequestEntries.member."
    _NONE_TAKEN = (
        b'<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>'
        b"<Successful></Successful><Failed></Failed></PublishBatchResult></PublishBatchResponse>"
    )

    def __init__(self, body: bytes) -> None:
        fields = parse_qsl(body.decode(), keep_blank_values=True)
        self._rest = [(name, value) for name, value in fields if not name.startswith(self._PREFIX)]
        numbered: dict[str, Entry] = {}
        for name, value in fields:
            if name.startswith(self._PREFIX):
                number, _, member = name.removeprefix(self._PREFIX).partition(".")
                numbered.setdefault(number, {})[member] = value
        self.entries = list(numbered.values())

    def identity(self, entry: Entry) -> str:
        return str(entry["Message"])

    def body_of(self, entries: Sequence[Entry]) -> bytes:
        members = [
            (f"{self._PREFIX}{number}.{member}", value)
            for number, entry in enumerate(entries, 1)
            for member, value in entry.items()
        ]
        return urlencode([*self._rest, *members]).encode()

    def completed(self, answer: bytes | None, refused: Sequence[bool]) -> bytes:
        failed = "".join(
            f"<member><Id>{entry['Id']}</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>"
            for entry, no in zip(self.entries, refused, strict=True)
            if no
        )
        return (answer or self._NONE_TAKEN).replace(b"<Failed>", f"<Failed>{failed}".encode(), 1)
