"""docs/scale.md: up to date, on configurations that the program takes, on prices of cost/, and near to the twin."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cost.idle import idle
from cost.prices import total
from functions.common.events import OrderPlaced, decode
from infra.config import Config
from scale import __main__ as command
from scale import findings, page, plots
from scale.bill import bill, shard_price
from scale.parts import first, parts
from scale.steps import HEADROOM, STEPS, config_of, steps
from scale.text import LIFT
from tests.functions.samples import message, order_placed
from tests.infra.graph import run, settings_of


def test_the_page_and_its_plots_are_up_to_date() -> None:
    assert command.stale() == []


def test_a_stale_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAGE", tmp_path / "scale.md")
    monkeypatch.setattr(command, "PLOTS", tmp_path)
    command.PAGE.write_text(page.write().replace("stack", "pile", 1))
    for name, digest in page.pictures().items():
        (tmp_path / f"{name}.svg").write_text(f"data {digest}")
    (tmp_path / "limits.svg").write_text("data 0123456789abcdef")
    assert command.stale() == ["scale.md", f"{tmp_path.name}/limits.svg"]
    assert command.main(["--check"]) == 1


def test_a_plot_has_the_digest_of_its_data() -> None:
    drawn = plots.draw("limits")
    assert f"data {plots.digest(plots.limits())}" in drawn
    assert drawn == plots.draw("limits")


def test_the_program_takes_each_steps_configuration() -> None:
    found = steps()
    assert [step.rate for step in found] == list(STEPS)
    for step in found:
        # Raises what the program would refuse.
        config = config_of(step.stack, step.settings, settings_of(step.stack))
        for part in parts(config):
            assert step.cell_rate <= HEADROOM * part.capacity * 1.001, (step.rate, part)


def test_each_key_of_a_part_is_one_of_the_program_and_lifts_it() -> None:
    keys = {field.alias for field in Config.model_fields.values()}
    small, large = parts(findings.stack_config("dev")), parts(findings.largest())
    for one, other in zip(small, large, strict=True):
        assert set(one.keys) <= keys
        assert other.capacity >= one.capacity
    assert set(LIFT) == {part.name for part in small}
    # Both give way in front.
    assert first(small).name == "API, calls"
    assert first(large).name == "functions of the API"


@pytest.mark.parametrize(
    ("key", "values", "name"),
    [
        ("streamShards", ("40", "80"), "stream, shards"),
        ("pipeParallelization", ("1", "2"), "pipe, executions"),
        ("databaseMaxAcu", ("16", "32"), "Aurora writer, processor"),
        ("consumerConcurrency", ("8", "16"), "projector"),
        ("prunePerSecond", ("1000", "2000"), "pruning"),
        ("cacheShards", ("20", "40"), "cache, commands"),
    ],
)
def test_twice_of_a_key_is_twice_of_its_part(key: str, values: tuple[str, str], name: str) -> None:
    base = {**findings.LARGEST, "streamShards": "40", "prunePerSecond": "1000"}
    less, more = (
        next(
            part.capacity
            for part in parts(config_of("prod", {**base, key: value}, settings_of("prod")))
            if part.name == name
        )
        for value in values
    )
    assert more == pytest.approx(2 * less)


def test_a_bill_is_that_of_the_cost_report() -> None:
    step = steps()[0]
    graph = run(stack=step.stack, settings={f"orders:{key}": value for key, value in step.settings.items()})
    costs = bill(step)
    assert costs.idle == total(idle(graph))
    orders = Decimal(step.rate) * 730 * 3600 / 1_000_000
    assert costs.month == costs.idle + orders * costs.million
    # Ten times the stacks cost ten times as much.
    five, six = bill(steps()[4]), bill(steps()[5])
    assert float(six.month / five.month) == pytest.approx(10, rel=0.01)


def test_a_shard_costs_what_a_second_one_adds_to_the_bill() -> None:
    nodes = {"orders:cacheShards": "2"}, {"orders:cacheShards": "3"}
    two, three = ({each.what: each.amount for each in idle(run(stack="prod", settings=each))} for each in nodes)
    what = "ElastiCache nodes, cache.r7g.large"
    assert three[what] - two[what] == shard_price(findings.stack_config("prod"))


def test_the_model_is_near_to_what_the_twin_took() -> None:
    checks = findings.twin_checks()
    assert len(checks) >= 2
    for check in checks:
        for seen, told in ((check.seen.quantile(50), check.p50_ms), (check.seen.quantile(99), check.p99_ms)):
            assert 1 / page.TWIN_FACTOR <= told / seen <= page.TWIN_FACTOR, check.seen.rate


def test_a_partition_of_the_outbox_needs_no_other_consumer() -> None:
    document = json.loads(message(order_placed(id_client=7)))
    document["metadata"]["table-name"] = "outbox_3"
    event = decode(json.dumps(document))
    assert isinstance(event, OrderPlaced)
    assert event.client.id == 7
