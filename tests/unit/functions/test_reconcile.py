"""Reconciling without servers: what differences mean, what is a command, how far a pass comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.common.events import ClientState, Order, OrderLine, Seconds
from functions.common.order_text import order_json
from functions.reconcile.commands import Compare, FindOrphans, Pass, Position, Rebuild, read
from functions.reconcile.compare import Compared, Comparison, Drift
from functions.reconcile.errors import WrongCommand
from functions.reconcile.kept import Found, Kept, Verdict, judge
from functions.reconcile.models import ReadModel
from functions.reconcile.passing import Pace, Passed, walk

NOW = 1_000_000


def order(number: int, placed_at: int = NOW - 10) -> Order:
    return Order(number, "10.00", Seconds(placed_at), (OrderLine(1, "10.00", 1),))


def kept(version: int = 3, *orders: Order) -> Kept:
    return Kept(ClientState(1, "Bob", "bob@x.example", version, len(orders), "30.00", Seconds(NOW)), orders)


def found(of: Kept, **fields: str) -> Found:
    return Found({**of.fields(), **fields}, of.members())


WANTED = kept(3, order(9), order(8), order(7))


def test_the_same_is_the_same() -> None:
    assert judge(WANTED, found(WANTED)).verdict is Verdict.SAME


def test_a_client_without_orders_is_the_same() -> None:
    nobody = Kept(ClientState(1, "Bob", "bob@x.example", 0, 0, "0.00", None), ())
    assert judge(nobody, Found({**nobody.fields(), "last_purchase": ""}, {})).verdict is Verdict.SAME


def test_what_may_be_on_its_way_is_late() -> None:
    members = WANTED.members()
    first = order_json(order(8))
    for held, fields in (
        (Found({}, {}), ("client",)),
        (Found({}, members), ("client",)),
        (found(WANTED, version="2"), ("version",)),
        (Found(WANTED.fields(), {text: score for text, score in members.items() if text != first}), ("orders",)),
        # 7 has the place that 8 will take.
        (Found(WANTED.fields(), {order_json(order(9)): 9.0, order_json(order(5)): 5.0}), ("orders",)),
    ):
        difference = judge(WANTED, held)
        assert (difference.verdict, difference.fields) == (Verdict.LATE, fields)


def test_another_content_of_the_same_version_is_drift() -> None:
    members = WANTED.members()
    for held, fields in (
        (found(WANTED, name="Eve"), ("name",)),
        (found(WANTED, total="30.0"), ("total",)),
        (found(WANTED, version="x"), ("version",)),
        (Found(None, members), ("key",)),
        (Found(WANTED.fields(), None), ("key",)),
        (Found(WANTED.fields(), {**members, "{}": 10.0}), ("orders",)),
        (Found(WANTED.fields(), {**members, order_json(order(9)): 3.0}), ("orders",)),
        (Found(WANTED.fields(), {**members, order_json(order(6)): 6.0}), ("orders",)),
    ):
        difference = judge(WANTED, held)
        assert (difference.verdict, difference.fields) == (Verdict.DRIFTED, fields)


def test_the_oldest_missing_order_is_told() -> None:
    wanted = kept(3, order(9, NOW - 1), order(8, NOW - 500), order(7, NOW - 900))
    held = {order_json(order(7, NOW - 900)): 7.0}
    assert judge(wanted, Found(wanted.fields(), held)).oldest_missing == NOW - 500


@pytest.mark.parametrize("version", ["4", str(2**63)])
def test_a_newer_version_is_ahead(version: str) -> None:
    assert judge(WANTED, found(WANTED, version=version)).verdict is Verdict.AHEAD


@pytest.mark.parametrize(("event", "command"), [
    ({"command": "compare"}, Compare(0, 50, 300, repair=False)),
    ({"command": "compare", "after": 7, "limit": 9, "lag_seconds": 0, "repair": True}, Compare(7, 9, 0, repair=True)),
    ({"command": "orphans"}, FindOrphans("0", repair=False)),
    ({"command": "orphans", "cursor": "18446744073709551615"}, FindOrphans("18446744073709551615", repair=False)),
    ({"command": "rebuild", "after": 1, "limit": 2, "begin": True}, Rebuild(1, 2, begin=True)),
    ({"command": "position"}, Position()),
    ({"command": "pass"}, Pass()),
])  # fmt: skip
def test_commands_are_read(event: dict[str, Any], command: object) -> None:
    assert read(event) == command


@pytest.mark.parametrize(("event", "name"), [
    ({}, "command"), ({"command": "drop"}, "command"), ({"command": "compare", "after": -1}, "after"),
    ({"command": "compare", "after": "1"}, "after"), ({"command": "rebuild", "limit": 0}, "limit"),
    ({"command": "rebuild", "limit": 101}, "limit"), ({"command": "compare", "repair": 1}, "repair"),
    ({"command": "compare", "lag_seconds": 3601}, "lag_seconds"), ({"command": "orphans", "cursor": "x"}, "cursor"),
    ({"command": "compare", "after": True}, "after"),
])  # fmt: skip
def test_what_is_no_command_is_refused_by_name(event: dict[str, Any], name: str) -> None:
    with pytest.raises(WrongCommand, match=f"`{name}`"):
        read(event)


class Pages(Comparison):
    """Clients 1 to `last`, all sound but every hundredth; each page takes a second."""

    def __init__(self, last: int, took: Callable[[], None]) -> None:
        self.last, self.took = last, took
        self.asked: list[int] = []

    def page(self, after: int, limit: int) -> Compared:
        self.asked.append(after)
        self.took()
        ids = range(after + 1, min(after + limit, self.last) + 1)
        drifts = [Drift(number, "drifted", ("name",)) for number in ids if number % 100 == 0]
        return Compared(len(ids), drifts=drifts, next=ids[-1] if len(ids) == limit else None)

    def orphans(self, cursor: str) -> Compared:
        return Compared(next="5" if cursor == "0" else None)


class Notes(ReadModel):
    """Positions in memory."""

    def __init__(self) -> None:
        self.positions: dict[str, str | None] = {}

    def position(self, walk: str) -> str | None:
        return self.positions.get(walk)

    def keep_position(self, walk: str, position: str | None) -> None:
        self.positions[walk] = position


def test_a_pass_keeps_its_pace_and_its_reserve_and_goes_on_next_time() -> None:
    left = [10.0]
    naps: list[float] = []

    def took() -> None:
        left[0] -= 1

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        left[0] -= seconds

    pages = Pages(240, took)
    notes = Notes()  # type: ignore[abstract]
    pace = Pace(50, 25)
    # A page of 50 takes 2 seconds at 25 a second: one for the page, one of rest.
    assert walk(pages, notes, pace, lambda: left[0], sleep, 5.0) == Passed(
        clients=150, drifts=[Drift(100, "drifted", ("name",))]
    )
    assert naps == [1.0, 1.0, 0.0]
    left[0] = 100.0
    passed = walk(pages, notes, pace, lambda: left[0], sleep, 5.0)
    assert (passed.clients, passed.complete) == (90, True)
    assert pages.asked == [0, 50, 100, 150, 200]
    left[0] = 100.0
    assert walk(pages, notes, pace, lambda: left[0], sleep, 5.0).clients == 240
