"""The flow of events through the twin, hop by hop.

The change capture, the pipe and the event source mappings report each batch
that passes them as one JSON line; the journal joins these lines by event id.

    commit ─► log ─► stream ─► pipe ─► topic ─► queue ─► projected ─► readable
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HOPS = ("commit", "log", "stream", "pipe", "topic", "queue", "projected", "readable")
REMEMBERED_EVENTS = 10_000


@dataclass
class Journey:
    """When one event passed each hop, in unix seconds."""

    event_id: str
    at: dict[str, float] = field(default_factory=dict)

    def latency_ms(self, hop: str) -> float | None:
        """Milliseconds from the hop before to this one; None if either was not seen."""
        before = HOPS[HOPS.index(hop) - 1]
        if hop not in self.at or before not in self.at:
            return None
        # Hops are reported by different processes, and a message can be on its way before the call that sent it
        # returns: a hop that overtook its predecessor took no time of its own.
        return max(0.0, self.at[hop] - self.at[before]) * 1000


class FlowJournal:
    """Collects the hops that the twin's processes report. Safe to use from several threads.

    The attribute `projector` names the function whose queue and invocations count; others' are passed over.

    Args:
        on_hop: called with (event id, hop, unix seconds) as each is reported.
    """

    def __init__(self, on_hop: Callable[[str, str, float], None] | None = None) -> None:
        self.projector: str | None = None
        self._on_hop = on_hop
        self._journeys: OrderedDict[str, Journey] = OrderedDict()
        self._changed = threading.Condition()

    def line(self, text: str) -> None:
        """Take one line of a process's standard output; what is not a report of a hop is passed over."""
        try:
            report: Any = json.loads(text)
        except ValueError:
            return
        if isinstance(report, dict) and "hop" in report and "events" in report:
            self._take(report)

    def _take(self, report: dict[str, Any]) -> None:
        hop, at, events = str(report["hop"]), float(report["at"]), list(report["events"])
        if hop in ("queue", "invoked") and report.get("function") != self.projector:
            return
        if hop == "invoked":
            hop = "projected"
        if hop == "log":
            for event, commit in zip(events, report.get("commits", []), strict=False):
                if commit is not None:  # rows of the full load were committed whenever
                    self._note(event, "commit", float(commit))
        for event in events:
            self._note(event, hop, at)

    def note(self, event_id: str, hop: str, at: float) -> None:
        """Add a hop seen from outside, such as the moment a client could read its order."""
        self._note(event_id, hop, at)

    def _note(self, event_id: str, hop: str, at: float) -> None:
        if hop not in HOPS:
            return
        with self._changed:
            journey = self._journeys.setdefault(event_id, Journey(event_id))
            # The first time counts: a redelivery is not a slower event.
            if hop in journey.at:
                return
            journey.at[hop] = at
            while len(self._journeys) > REMEMBERED_EVENTS:
                self._journeys.popitem(last=False)
            self._changed.notify_all()
        if self._on_hop is not None:
            self._on_hop(event_id, hop, at)

    def wait(self, event_id: str, hop: str, timeout_s: float) -> Journey | None:
        """Wait until the event passed `hop` and give its journey so far; None after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                journey = self._journeys.get(event_id)
                if journey is not None and hop in journey.at:
                    return journey
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return None
                self._changed.wait(left_s)

    def all(self) -> list[Journey]:
        """The journeys that are remembered, in order of arrival."""
        with self._changed:
            return list(self._journeys.values())

    def committed(self, since: float, timeout_s: float) -> Journey | None:
        """Wait for an event that was committed at `since` (unix seconds) or later; None after `timeout_s` seconds."""

        def first() -> Journey | None:
            return next((one for one in self._journeys.values() if one.at.get("commit", 0.0) >= since), None)

        with self._changed:
            self._changed.wait_for(lambda: first() is not None, timeout_s)
            return first()
