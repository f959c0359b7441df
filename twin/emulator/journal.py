"""Keeps what AWS keeps: data that a request stored survives a kill of the emulator.

ministack holds everything in memory and writes it at an orderly end. On AWS, Kinesis, SQS, DynamoDB and SES have
stored before they answer. So before any answer leaves, what it stored is appended to a file, and what the file
says is done again at the next start, after ministack has read its own files:

- records and shards of streams;
- messages that came into a queue and left it (how often one was received begins anew);
- requests that changed items of DynamoDB tables;
- mails, and temporary credentials, which ministack does not write to its files at all.

An entry may be repeated over a later state without harm: ministack's files are written one by one, and a kill in
between leaves some of them newer than the beginning of the journal. An entry that was cut off is of an answer that
never left. Nothing is forced to the disk: a process that is killed loses nothing by that, a machine would.

Once the file is longer than `LONG_BYTES`, and than ministack's files, these are written and it begins anew: a start
reads what is there, and not all that ever was, and what is there is not written again and again.

What a request configures (a queue, a function, a policy) is not here but in ministack's files: `Emulator.save`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twin.emulator.journal_watch import MailWatch, QueueWatch, SessionWatch, StreamWatch, Watch

CHANGING = frozenset(
    {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement"}
)

# Read again in about two seconds.
LONG_BYTES = 64 * 2**20


class Journal:
    """The journal of one emulator, on its event loop.

    Args:
        path: the file; made if absent.
        state: the folder of ministack's files.
    """

    def __init__(self, path: Path, state: Path) -> None:
        from ministack.core.persistence import _json_default, _json_object_hook

        self._path = path
        self._state = state
        self._default, self._hook = _json_default, _json_object_hook
        self._file: int | None = None
        self._length = 0
        self._long = LONG_BYTES
        self._requests: list[list[Any]] = []
        self._watches: dict[str, Watch] = {}

    def watch_tables(self, dynamodb: Any) -> None:
        """Note the requests that change items."""
        from ministack.core.responses import get_account_id, get_region

        original = dynamodb.handle_request

        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
            answer = await original(method, path, headers, body, query)
            target = headers.get("x-amz-target", "")
            if answer[0] == 200 and target.rpartition(".")[2] in CHANGING:
                self._requests.append(["table", get_account_id(), get_region(), target, body.decode()])
            return answer

        self._change_item = original
        dynamodb.handle_request = handle

    async def replay(self) -> None:
        """Do again what the file says, then go on writing to it. To be called once, when the state is loaded."""
        watches = (StreamWatch(), QueueWatch(), MailWatch(), SessionWatch())
        self._watches = {watch.kind: watch for watch in watches}
        self._open(os.O_APPEND)
        whole = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                await self._redo(json.loads(line, object_hook=self._hook))
        os.truncate(self._path, whole)
        self._length = whole
        self._set_long()
        for watch in self._watches.values():
            watch.changes()

    async def _redo(self, entry: list[Any]) -> None:
        from ministack.core.responses import request_scope

        kind, *rest = entry
        if kind != "table":
            self._watches[kind].redo(*rest)
            return
        account, region, target, body = rest
        with request_scope(account, region):
            await self._change_item("POST", "/", {"x-amz-target": target}, body.encode(), {})

    @property
    def long(self) -> bool:
        """Whether it is time for `begin_anew`."""
        return self._length > self._long

    def flush(self) -> None:
        """Write what was stored since the last time."""
        if self._file is None:
            return
        entries = self._requests
        self._requests = []
        for kind, watch in self._watches.items():
            entries += [[kind, *change] for change in watch.changes()]
        self._append(entries)

    def begin_anew(self) -> None:
        """Forget what ministack's files hold by now; nothing may be stored between their writing and this."""
        if self._file is None:
            return
        os.close(self._file)
        self._open(os.O_TRUNC)
        self._length = 0
        self._set_long()
        self._requests = []
        self._append([[kind, *change] for kind, watch in self._watches.items() for change in watch.unsaved()])

    def _set_long(self) -> None:
        self._long = max(LONG_BYTES, sum(path.stat().st_size for path in self._state.glob("*.json")))

    def _append(self, entries: list[list[Any]]) -> None:
        if entries:
            lines = [json.dumps(entry, default=self._default, separators=(",", ":")) + "\n" for entry in entries]
            content = "".join(lines).encode()
            self._write(content)
            self._length += len(content)

    def _open(self, how: int) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600)

    def _write(self, content: bytes) -> None:
        remaining = memoryview(content)
        while remaining and self._file is not None:
            remaining = remaining[os.write(self._file, remaining) :]
