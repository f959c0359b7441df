"""The benchmark of the whole flow on the running system: all its orders arrive, and all parts are accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import flow
from bench.flow_ways import EMULATOR, FUNCTIONS
from bench.frame.benchmark import Place
from tests.twin.conftest import System

SIZES = {"orders": 6, "seconds": 1, "clients": 2}


@pytest.fixture
def place(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Leads the benchmark to the system that is up; it is not to be taken down."""
    monkeypatch.setattr(system.twin, "up", lambda: system.outputs)
    monkeypatch.setattr(system.twin, "down", lambda: None)
    monkeypatch.setattr(flow, "Twin", lambda folder: system.twin)
    with ExitStack() as stack:
        yield Place(tmp_path, SIZES, stack)


def orders(system: System) -> int:
    return int(system.rows("select count(*) from orders")[0][0])


def arrived(system: System) -> int:
    return sum("projected" in journey.at for journey in system.twin.journal.all())


def test_orders_arrive_at_every_rate(system: System, place: Place) -> None:
    cases = flow.cases(place)
    fast = next(cases)
    before, known = orders(system), arrived(system)
    whole = fast.contenders[flow.WHOLE]()
    # Others' events may still have been on their way.
    assert arrived(system) >= known + SIZES["orders"]
    alone = fast.contenders[flow.ALONE]()
    # The functions alone have a database of their own.
    assert orders(system) == before + SIZES["orders"]
    assert set(whole) == set(alone) == {measure.name for measure in fast.measures}
    assert whole["busy"] > 0 < alone["busy"]
    shares = next(cases)
    [note] = place.notes
    for part in (EMULATOR, FUNCTIONS):  # others may take less than the clock of a short run can tell
        assert part in note
    values = shares.contenders["90 %"]()
    assert set(values) == {measure.name for measure in shares.measures}
    assert 0 < values["p50"] <= values["p95"] <= values["p99"]
    # Hop by hop it is the whole way: no hop took longer than the slowest order.
    assert all(0 <= value <= values["p99"] for name, value in values.items() if not name.startswith("answered"))
