"""The simulation: held against closed forms, nothing lost, the same for the same seed."""

from __future__ import annotations

import statistics

import pytest

from scale.errors import UnstableError
from scale.simulation import Fault, Service, Stage, constant, exponential, simulate, varied
from scale.theory import catch_up_s, mean_sojourn_s

SEED = 4


@pytest.mark.parametrize(("service", "variation"), [(exponential(0.01), 1.0), (constant(0.01), 0.0)])
@pytest.mark.parametrize("rate", [30, 70])
def test_one_server_waits_as_the_closed_form_says(service: Service, variation: float, rate: float) -> None:
    outcome = simulate([Stage("one", 1, service)], rate, 100_000 / rate, SEED, warm_s=10)
    assert statistics.fmean(outcome.sojourns_s) == pytest.approx(mean_sojourn_s(rate, 0.01, variation), rel=0.04)


def test_varied_service_has_the_mean_and_the_variation_that_it_is_given() -> None:
    # Through the formula's second moment: with another spread the wait would be another.
    outcome = simulate([Stage("one", 1, varied(0.01, variation=0.5))], 60, 700, SEED, warm_s=10)
    assert statistics.fmean(outcome.sojourns_s) == pytest.approx(mean_sojourn_s(60, 0.01, 0.5), rel=0.04)


def test_several_servers_share_a_queue() -> None:
    # M/M/2 at half load: the mean wait is a third of the service time (Erlang C).
    outcome = simulate([Stage("two", 2, exponential(0.01))], 100, 400, SEED, warm_s=10)
    assert statistics.fmean(outcome.sojourns_s) == pytest.approx(0.01 * (1 + 1 / 3), rel=0.04)


def test_stages_that_share_are_one_server() -> None:
    # Two stages of 4 ms that take turns are full at 125 a second; each by itself would take 250.
    stages = [Stage(name, 1, constant(0.004), shared=True) for name in ("first", "second")]
    outcome = simulate(stages, 200, 60, SEED)
    assert outcome.done[-1] == pytest.approx(125 * 59, rel=0.02)


def test_orders_of_a_tick_are_spread_over_it() -> None:
    stage = Stage("one", 50, constant(0.01))
    outcome = simulate([stage], 200, 60, SEED, tick_s=0.02)
    # Nobody waits for a server, but half a tick on average for its end.
    assert statistics.fmean(outcome.sojourns_s) == pytest.approx(0.02, rel=0.03)


def test_a_batch_waits_for_its_window_unless_it_is_full() -> None:
    lonely = simulate([Stage("batches", 1, constant(0.1), batch=10, window_s=1.0)], 0.01, 2_000, SEED)
    assert lonely.sojourns_s == pytest.approx([1.1] * len(lonely.sojourns_s))
    busy = simulate([Stage("batches", 1, constant(0.001), batch=10, window_s=1.0)], 1_000, 5, SEED, warm_s=1)
    assert max(busy.sojourns_s) < 0.05


def test_above_saturation_the_queue_grows_by_what_is_too_much() -> None:
    outcome = simulate([Stage("full", 1, constant(0.1), batch=10)], 150, 200, SEED)
    # 150 arrive and 100 leave.
    assert outcome.queues["full"][-1] == pytest.approx(50 * 200, rel=0.05)


def test_a_fault_is_caught_up_as_arithmetic_says() -> None:
    fault = Fault("server", 20, 50)
    outcome = simulate([Stage("server", 1, constant(0.01))], 60, 200, SEED, faults=[fault])
    lengths = dict(zip(outcome.times_s, outcome.queues["server"], strict=True))
    assert lengths[50.0] == pytest.approx(60 * 30, rel=0.1)
    empty = next(at for at, length in lengths.items() if at > 50 and length < 5)
    assert empty - 50 == pytest.approx(catch_up_s(30, 60, 100), rel=0.1)


def test_nothing_is_lost_between_stages() -> None:
    stages = [
        Stage("gather", 1, constant(0.0), batch=100, window_s=0.5, delay_s=0.2),
        Stage("carry", 2, varied(0.05), batch=7),
        Stage("write", 3, varied(0.01, 0.001), batch=10),
    ]
    faults = [Fault("carry", 5, 9)]
    outcome = simulate(stages, 100, 60, SEED, faults=faults)
    waiting = sum(outcome.queues[stage.name][-1] for stage in stages)
    served = 1 * 100 + 2 * 7 + 3 * 10
    sent_on = 100
    assert outcome.arrived[-1] > 5_000
    assert 0 <= outcome.arrived[-1] - outcome.done[-1] - waiting <= served + sent_on


def test_a_seed_tells_all() -> None:
    stages = [Stage("one", 1, varied(0.01), batch=3)]
    first, again = (simulate(stages, 50, 30, SEED, tick_s=0.01) for _ in range(2))
    other = simulate(stages, 50, 30, SEED + 1, tick_s=0.01)
    assert first == again
    assert first.sojourns_s != other.sojourns_s


def test_what_only_grows_has_no_closed_form() -> None:
    with pytest.raises(UnstableError, match="120%"):
        mean_sojourn_s(120, 0.01, 1)
    with pytest.raises(UnstableError):
        catch_up_s(60, 100, 100)
