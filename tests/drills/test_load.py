"""Callers: what is known after each answer, an open loop, and unknown orders settled by their keys."""

from __future__ import annotations

import random
import threading

import pytest

from drills.caller import Caller
from drills.errors import NotRecovered
from drills.ledger import Ledger, Outcome
from drills.load import PRICES, Load, random_order, settle
from tests.drills.fake_api import FakeApi, serving
from tests.twin.waiting import until


@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        ("take", Outcome.ACCEPTED),
        ("refuse", Outcome.REFUSED),
        ("lose", Outcome.UNKNOWN),
        ("fail", Outcome.UNKNOWN),
    ],
)
def test_what_is_known_after_an_answer(deed: str, outcome: Outcome) -> None:
    api = FakeApi(lambda _: deed)
    order = random_order("key", [7], random.Random(1))
    with serving(api) as port:
        caller = Caller(api.outputs(port))
        answer = caller.place(order)
        caller.close()
    assert answer.outcome is outcome
    assert (answer.id_order is not None) is (outcome is Outcome.ACCEPTED)


def test_nobody_there_is_unknown() -> None:
    api = FakeApi(lambda _: "take")
    with serving(api) as port:
        pass
    assert Caller(api.outputs(port)).place(random_order("k", [7], random.Random(1))).outcome is Outcome.UNKNOWN


def test_unknown_orders_are_settled_by_their_keys_once() -> None:
    """Every third try is taken without an answer, every fifth fails."""
    api, ledger = FakeApi(lambda number: "lose" if number % 3 == 0 else "fail" if number % 5 == 0 else "take"), Ledger()
    with serving(api) as port:
        outputs = api.outputs(port)
        with Load(outputs, ledger, [7, 8], rate=None, callers=3, seed=4, most=40) as load:
            until(lambda: load.done)
        unknown = ledger.count(Outcome.UNKNOWN)
        assert unknown > 0
        assert settle(ledger, outputs) == unknown
    assert ledger.accepted == len(api.taken) == 40
    assert {entry.order.key: entry.accepted[0] for entry in ledger.entries if entry.accepted} == api.taken


def test_what_cannot_be_settled_is_told() -> None:
    api, ledger = FakeApi(lambda _: "fail"), Ledger()
    with serving(api) as port:
        outputs = api.outputs(port)
        with Load(outputs, ledger, [7], rate=None, callers=1, most=1) as load:
            until(lambda: load.done)
        with pytest.raises(NotRecovered, match="unknown after"):
            settle(ledger, outputs, timeout_s=0.3)


def test_the_loop_is_open() -> None:
    """Orders are sent at their rate although the first ones are never answered."""
    hold = threading.Event()

    def decide(number: int) -> str:
        if number < 2:
            # On another thread than the one that others wait for.
            api.lock.release()
            hold.wait(30)
            api.lock.acquire()
        return "take"

    api, ledger = FakeApi(decide), Ledger()
    with serving(api) as port:
        load = Load(api.outputs(port), ledger, [7], rate=200, callers=6, seed=1)
        with load:
            until(lambda: load.accepted >= 20)
            assert load.answered < len(ledger.entries)
            hold.set()
    assert load.late_s >= 0


def test_callers_wait_while_they_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held from the first try on, the only caller looks again and again and sends nothing."""
    monkeypatch.setattr("drills.load.HOLD_PAUSE_S", 0.001)
    looks, holding = 0, False

    class Watched(Load):
        @property
        def held(self) -> bool:
            nonlocal looks
            looks += holding
            return holding

        @held.setter
        def held(self, value: bool) -> None:
            """The test says when."""

    def decide(_: int) -> str:
        nonlocal holding
        holding = api.tries == 1
        return "take"

    api, ledger = FakeApi(decide), Ledger()
    with serving(api) as port, Watched(api.outputs(port), ledger, [7], rate=None, callers=1, most=10) as load:
        until(lambda: looks >= 20, timeout_s=20)
        assert api.tries == 1
        holding = False
        until(lambda: load.done)
    assert len(api.taken) == 10


def test_orders_are_those_of_their_seed() -> None:
    one, other = (random_order("k", [1, 2, 3], random.Random(5)) for _ in range(2))
    assert one == other
    assert one.total == sum(PRICES[product] * quantity for product, quantity in one.lines)
