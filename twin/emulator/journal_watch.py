"""Finds what was stored in ministack's memory since it last looked, and stores it again.

ministack's lists mostly grow at their end; where one was replaced (a message was taken out, old records expired) the
new list is compared with what was known. So a look at what did not change costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

Change = list[Any]
Scope = tuple[str, ...]


class Watch(Protocol):
    """Looks after one kind of data."""

    kind: str

    def changes(self) -> Iterator[Change] | list[Change]:
        """What was stored or removed since the last call, as values for JSON; all of it is then known.

        What was made again by `redo` is in its place from the next call on.
        """
        ...

    def unsaved(self) -> Iterator[Change] | list[Change]:
        """All that ministack's own files do not hold."""
        ...

    def redo(self, *change: Any) -> None:
        """Make a change again; harmless where it is made already."""
        ...


class StreamWatch:
    """Records, and shards as they come and are closed by resharding."""

    kind = "stream"

    def __init__(self) -> None:
        from ministack.services import kinesis

        self._streams: dict[Scope, Any] = kinesis._streams._data
        self._known: dict[tuple[Scope, str], tuple[list[Any], int]] = {}
        self._shards: dict[tuple[Scope, str], Any] = {}

    def changes(self) -> list[Change]:
        """See `Watch`."""
        found: list[Change] = []
        for key, stream in list(self._streams.items()):
            for name, shard in list(stream["shards"].items()):
                place = (key, name)
                ending = shard.get("ending_sequence_number", "")
                if self._shards.get(place) != ending:
                    self._shards[place] = ending
                    bare = {part: value for part, value in shard.items() if part != "records"}
                    found.append([list(key), name, "shard", bare])
                found += [[list(key), name, "record", record] for record in self._new(place, shard["records"])]
        return found

    def _new(self, place: tuple[Scope, str], records: list[Any]) -> list[Any]:
        before, length = self._known.get(place, (records, 0))
        now = len(records)
        if before is records:
            new = records[length:now]
        else:
            last = before[length - 1]["SequenceNumber"] if length else ""
            new = [record for record in records if record["SequenceNumber"] > last]
        if before is not records or now != length or place not in self._known:
            self._known[place] = (records, now)
        return new

    def unsaved(self) -> list[Change]:
        """See `Watch`."""
        self.changes()
        return []

    def redo(self, *change: Any) -> None:
        """See `Watch`."""
        key, name, what, value = change
        stream = self._streams.get(tuple(key))
        if stream is None:
            return
        if what == "shard":
            stream["shards"].setdefault(name, {"records": []}).update(value)
            return
        records = stream["shards"][name]["records"]
        if not records or records[-1]["SequenceNumber"] < value["SequenceNumber"]:
            records.append(value)


class QueueWatch:
    """Messages that came and went. Who received one, and how often, is not kept."""

    kind = "queue"

    def __init__(self) -> None:
        from ministack.services import sqs

        self._queues: dict[Scope, Any] = sqs._queues._data
        self._known: dict[Scope, tuple[list[Any], int, set[str]]] = {}
        self._redone: dict[Scope, dict[str, Any]] = {}  # messages by id, while changes are made again

    def changes(self) -> list[Change]:
        """See `Watch`."""
        for key, redone in self._redone.items():
            self._queues[key]["messages"] = list(redone.values())
        self._redone.clear()
        found: list[Change] = []
        for key, queue in list(self._queues.items()):
            messages: list[Any] = queue["messages"]
            before, length, ids = self._known.get(key, (messages, 0, set()))
            now = len(messages)
            if before is messages and now == length:
                continue
            if before is messages and now > length:
                come, gone = messages[length:now], set()
            else:
                present = {message["id"] for message in messages}
                come = [message for message in messages if message["id"] not in ids]
                gone = ids - present
            ids |= {message["id"] for message in come}
            ids -= gone
            self._known[key] = (messages, now, ids)
            found += [[list(key), "came", message] for message in come]
            if gone:
                found.append([list(key), "gone", sorted(gone)])
        return found

    def unsaved(self) -> list[Change]:
        """See `Watch`."""
        self.changes()
        return []

    def redo(self, *change: Any) -> None:
        """See `Watch`."""
        key, what, value = change
        queue = self._queues.get(tuple(key))
        if queue is None:
            return
        # By id: a list would be searched through for each of thousands that wait in line.
        redone = self._redone.setdefault(tuple(key), {message["id"]: message for message in queue["messages"]})
        if what == "gone":
            for gone in value:
                redone.pop(gone, None)
        else:
            # Of a message that is there already, this is the older word.
            redone.setdefault(value["id"], {**value, "receipt_handle": None, "receive_count": 0})


class MailWatch:
    """Mails that SES took; ministack's files do not hold them."""

    kind = "mail"

    def __init__(self) -> None:
        from ministack.services import ses

        self._sent: dict[Scope, Any] = ses._sent_emails._data
        self._known: dict[Scope, int] = {}

    def changes(self) -> list[Change]:
        """See `Watch`."""
        found = []
        for key, mails in list(self._sent.items()):
            known = self._known.get(key, 0)
            if len(mails) != known:
                self._known[key] = len(mails)
                found += [[list(key), mail] for mail in mails[known:]]
        return found

    def unsaved(self) -> list[Change]:
        """See `Watch`."""
        self._known.clear()
        return self.changes()

    def redo(self, *change: Any) -> None:
        """See `Watch`."""
        key, mail = change
        self._sent.setdefault(tuple(key), []).append(mail)


class SessionWatch:
    """Temporary credentials; ministack's files do not hold them."""

    kind = "session"

    def __init__(self) -> None:
        from ministack.services import sts

        self._sessions: dict[str, Any] = sts._sessions
        self._known: set[str] = set()

    def changes(self) -> list[Change]:
        """See `Watch`."""
        if len(self._sessions) == len(self._known) and self._known.issuperset(self._sessions):
            return []
        new = [key for key in list(self._sessions) if key not in self._known]
        self._known = set(self._sessions)
        return [[key, self._sessions[key]] for key in new]

    def unsaved(self) -> list[Change]:
        """See `Watch`."""
        self._known.clear()
        return self.changes()

    def redo(self, *change: Any) -> None:
        """See `Watch`."""
        key, session = change
        self._sessions[key] = session
