"""The cost report: its sums, that nothing is forgotten, and that it follows the program."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cost.__main__ import PAGE, STACKS
from cost.errors import NoPriceError, UnknownTypeError
from cost.idle import FREE, PRICED, idle
from cost.orders import Assumptions, per_million
from cost.page import write
from cost.prices import FILE, Line, table, total
from policy.graph import Graph, Resource
from tests.infra.graph import program, run


def amounts(lines: list[Line]) -> dict[str, Decimal]:
    found = {each.what: each.amount for each in lines}
    assert len(found) == len(lines), "two lines of one name"
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_total_is_the_sum_of_the_lines(stack: str) -> None:
    for lines in (idle(program(stack)), per_million(program(stack))):
        assert lines
        assert all(each.amount > 0 for each in lines)
        assert total(lines) == sum(amounts(lines).values())


def test_every_type_is_priced_or_free_for_a_reason() -> None:
    used = {
        one.type
        for stack in ("dev", "local", "prod")
        for one in program(stack).resources
        if one.type.startswith("aws:")
    }
    assert used - set(PRICED) - set(FREE) == set()
    assert not set(PRICED) & set(FREE)
    assert all(FREE.values())


def test_an_unknown_type_is_told() -> None:
    graph = program("dev").copy()
    graph.resources.append(Resource("urn", "aws:ec2/natGateway:NatGateway", "nat", "", {}))
    with pytest.raises(UnknownTypeError, match="aws:ec2/natGateway:NatGateway"):
        idle(graph)


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("databaseMinAcu", "1", "Aurora, smallest capacity"),
        ("databaseInstances", "2", "Aurora, smallest capacity"),
        ("captureMultiAz", "true", "DMS instance, dms.t3.small"),
        ("streamShards", "2", "Kinesis stream, shards"),
        ("cacheNodes", "2", "ElastiCache nodes, cache.t4g.micro"),
    ],
)
def test_twice_as_much_costs_twice_as_much(setting: str, value: str, what: str) -> None:
    before, after = (amounts(idle(graph)) for graph in (program("dev"), run(settings={f"orders:{setting}": value})))
    assert after[what] == 2 * before[what]
    # What has nothing to do with it stays; each node of the cache has alarms of its own.
    assert {name for name in before if after[name] != before[name]} <= {what, "Alarms"}


def test_endpoints_cost_by_zone() -> None:
    two, three = (amounts(idle(graph)) for graph in (program("dev"), run(settings={"orders:zones": "3"})))
    assert three["Endpoints of the network"] == two["Endpoints of the network"] * 3 / 2


def test_everything_counted_is_in_the_graph() -> None:
    graph = program("prod")
    quantities = {each.what: each.quantity for each in idle(graph)}
    assert quantities["Alarms"] == len(graph.of("MetricAlarm"))
    # And that of the master user, which RDS makes.
    assert quantities["Secrets"] == len(graph.of("secretsmanager/secret:Secret")) + 1
    assert quantities["ElastiCache nodes, cache.r7g.large"] == 2 * 730


def test_storage_of_dms_beyond_what_is_included() -> None:
    found = amounts(idle(run(settings={"orders:captureStorageGb": "60"})))
    # 50 GB come with a t3.
    assert found["DMS, storage beyond what is included"] == 10 * table()["dms.storage"].usd


def test_retention_costs() -> None:
    shards = amounts(idle(run(settings={"orders:streamRetentionHours": "48"})))
    assert shards["Kinesis stream, kept longer than a day"] == 730 * table()["kinesis.retention.shard"].usd
    assert "Kinesis, kept longer than a day" in amounts(per_million(program("prod")))


def test_more_orders_cost_more_of_what_they_use() -> None:
    graph = program("dev")
    few, many = (amounts(per_million(graph, Assumptions(reads=reads))) for reads in (0, 1))
    assert sum(many.values()) > sum(few.values())
    assert many["API calls, one order and 1 queries"] == 2 * few["API calls, one order and 0 queries"]
    fast, slow = (amounts(per_million(graph, Assumptions(rate=rate))) for rate in (250, 125))
    name = "Aurora, 2 ACU more at {} orders a second"
    assert round(slow[name.format(125)], 9) == round(2 * fast[name.format(250)], 9)


def test_traces_and_mails_cost_where_they_are() -> None:
    without = run(settings={"orders:tracing": "false"})
    assert "Traces" not in amounts(per_million(without))
    assert "Traces" in amounts(per_million(program("dev")))


def test_a_size_without_a_price_says_what_to_do() -> None:
    with pytest.raises(NoPriceError, match=r"cost/prices.json has no price 'cache.m7g.large'"):
        idle(run(settings={"orders:cacheNodeType": "cache.m7g.large"}))


def test_every_price_has_its_page_and_its_source() -> None:
    sources = json.loads(FILE.read_text())["sources"]
    for price in table().values():
        assert price.usd > 0
        assert price.page
        assert price.source in sources


def test_page_is_up_to_date() -> None:
    graphs: dict[str, Graph] = {stack: program(stack) for stack in STACKS}
    assert PAGE.read_text() == write(graphs), "The costs have changed: run `python -m cost` and read the difference."
