"""The journal joins what the processes report, by event."""

from __future__ import annotations

import json
import threading

import pytest

from twin.flow import FlowJournal


def report(hop: str, at: float, *events: str, **extra: object) -> str:
    return json.dumps({"hop": hop, "at": at, "events": events, **extra})


def test_a_journey_has_the_latency_of_each_hop() -> None:
    journal = FlowJournal()
    journal.line(report("log", 10.002, "e", commits=[10.0]))
    journal.line(report("stream", 10.010, "e"))
    journey = journal.wait("e", "stream", 0)
    assert journey is not None
    assert journey.latency_ms("log") == pytest.approx(2.0)
    assert journey.latency_ms("stream") == pytest.approx(8.0)
    assert journey.latency_ms("topic") is None


def test_a_loaded_row_has_no_commit_time() -> None:
    journal = FlowJournal()
    journal.line(report("log", 10.0, "e", commits=[None]))
    journey = journal.wait("e", "log", 0)
    assert journey is not None
    assert journey.at == {"log": 10.0}


def test_a_hop_that_overtakes_takes_no_time() -> None:
    journal = FlowJournal()
    journal.line(report("stream", 10.0, "e"))
    journal.line(report("pipe", 9.9, "e"))
    journey = journal.wait("e", "pipe", 0)
    assert journey is not None
    assert journey.latency_ms("pipe") == 0.0


def test_only_the_projector_counts_as_projection() -> None:
    journal = FlowJournal()
    journal.projector = "orders-local-project-clients"
    journal.line(report("invoked", 1.0, "e", function="orders-local-notify-client"))
    assert journal.wait("e", "projected", 0) is None
    journal.line(report("invoked", 2.0, "e", function="orders-local-project-clients"))
    journey = journal.wait("e", "projected", 0)
    assert journey is not None
    assert journey.at["projected"] == 2.0


def test_the_first_time_counts_and_other_lines_are_passed_over() -> None:
    journal = FlowJournal()
    for line in ("", "not json", "[]", '{"hop":"ready"}', report("unknown hop", 1, "e")):
        journal.line(line)
    journal.line(report("topic", 1.0, "e"))
    journal.line(report("topic", 9.0, "e"))
    journey = journal.wait("e", "topic", 0)
    assert journey is not None
    assert journey.at == {"topic": 1.0}


def test_waiting_ends_when_the_hop_is_reported() -> None:
    journal = FlowJournal()
    threading.Timer(0.05, journal.line, [report("pipe", 1.0, "e")]).start()
    assert journal.wait("e", "pipe", 10) is not None


def test_the_event_of_a_commit_is_found_among_those_before_it_and_those_loaded() -> None:
    journal = FlowJournal()
    journal.line(report("log", 10.0, "loaded", "old", commits=[None, 9.0]))
    assert journal.committed(9.5, 0) is None
    threading.Timer(0.05, journal.line, [report("log", 10.1, "new", commits=[10.0])]).start()
    journey = journal.committed(9.5, 10)
    assert journey is not None
    assert journey.event_id == "new"
