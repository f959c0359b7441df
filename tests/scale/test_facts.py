"""What the model takes from benchmarks is what their committed results say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.frame import results
from scale.facts import Facts

COMMITTED = results.read(Path(results.__file__).parents[1] / "results" / "results.json")
ORDERS = ("slot", "orders of two lines")


def measured(benchmark: str, case: str, contender: str, measure: str) -> float:
    """The median of the committed runs."""
    [found] = [one for one in COMMITTED[benchmark].cases if one.name == case]
    return found.spread(contender, measure).median


def noted(benchmark: str, pattern: str) -> float:
    """A figure of the benchmark's notes."""
    found = re.search(pattern, " ".join(COMMITTED[benchmark].notes))
    assert found is not None
    return float(found[1].replace(",", ""))


SOURCES: dict[str, Callable[[], float]] = {
    "write_us": lambda: noted("orders", r"busy for ([\d,]+) us an order"),
    "log_bytes": lambda: noted("slot", r"and ([\d,]+) bytes of log"),
    "walsender_us": lambda: measured(*ORDERS, "orders, test_decoding", "walsender"),
    "walsender_published_us": lambda: measured(*ORDERS, "orders, pgoutput of outbox", "walsender"),
    "capture_rows": lambda: measured("capture", "transactions of one row", "Debezium Engine", "rate"),
    "project_us": lambda: 1e6 / measured("projection", "batches of 100", "project_clients", "rate"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_figure_is_that_of_the_committed_results(name: str) -> None:
    assert getattr(Facts(), name).value == pytest.approx(SOURCES[name](), rel=0.05)


def test_every_figure_of_a_benchmark_has_its_results() -> None:
    benched = {name for name, fact in Facts().table() if "make bench" in fact.source + fact.what}
    assert benched == set(SOURCES)
