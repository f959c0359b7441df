"""A read model of several shards: what is refused; the group, its users, functions and alarms; the price."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cost.idle import idle
from infra.cache import permissions
from infra.config import load
from infra.errors import ConfigError
from infra.names import Names
from policy import alarms as rules
from policy.rule import Rule
from policy.rules import RULES
from tests.infra import iam_reference
from tests.infra.breaks import Break, nested, remove
from tests.infra.graph import Graph, program, run
from twin.cloud.shape import problems, unchecked

NAMES = Names("orders", "prod", "eu-central-1")
NODES = [f"orders-prod-shards-{shard:04d}-{node:03d}" for shard in (1, 2, 3) for node in (1, 2)]
USERS = ("reader", "writer", "operator", "inspector")


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The resources of prod with three shards of two nodes; not to be changed."""
    return run(stack="prod", settings={"orders:cacheShards": "3"})


def _caches(graph: Graph) -> list[dict[str, Any]]:
    """Environments of the functions that use the cache."""
    every = [one.at("environment", "variables") or {} for one in graph.of("lambda/function:Function")]
    return [variables for variables in every if "CACHE_HOST" in variables]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cacheShards": "0"}, "cacheShards is '0'"),
        ({"cacheShards": "91"}, "cacheShards is '91'"),
        ({"cacheShards": "some"}, "cacheShards is 'some'"),
        ({"cacheShards": "46", "cacheNodes": "2"}, "cacheShards times orders:cacheNodes is more than the 90 nodes"),
        ({"cacheShards": "3", "cacheMultiAz": "true"}, "cacheMultiAz needs orders:cacheNodes of 2"),
    ],
)
def test_what_elasticache_would_refuse_is_refused(values: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"region": "eu-central-1", **values}, NAMES)
    assert said in "\n".join(caught.value.problems)


@pytest.mark.parametrize("values", [{"cacheShards": "90"}, {"cacheShards": "45", "cacheNodes": "2"}])
def test_as_many_nodes_as_a_group_takes_are_taken(values: dict[str, str]) -> None:
    load({"region": "eu-central-1", **values}, NAMES)


def test_the_group_has_cluster_mode_on(graph: Graph) -> None:
    inputs = graph.one("ReplicationGroup").inputs
    assert (inputs["numNodeGroups"], inputs["replicasPerNodeGroup"]) == (3, 1)
    assert inputs["parameterGroupName"] == "default.valkey8.cluster.on"
    assert inputs["automaticFailoverEnabled"] is True
    # The provider takes no more than one way to count.
    assert "numCacheClusters" not in inputs


def test_a_shard_of_one_node_is_a_shard() -> None:
    settings = {"orders:cacheShards": "2", "orders:cacheVersion": "7.2"}
    inputs = run(settings=settings).one("ReplicationGroup").inputs
    assert (inputs["numNodeGroups"], inputs["replicasPerNodeGroup"]) == (2, 0)
    assert inputs["automaticFailoverEnabled"] is True
    assert inputs["parameterGroupName"] == "default.valkey7.cluster.on"


def test_the_group_stands_beside_the_one_of_one_shard(graph: Graph) -> None:
    of_one, of_several = (
        each.one("ReplicationGroup").inputs["replicationGroupId"] for each in (program("prod"), graph)
    )
    assert of_one != of_several


def test_functions_use_the_configuration_endpoint_as_a_cluster(graph: Graph) -> None:
    group, found = graph.one("ReplicationGroup"), _caches(graph)
    assert len(found) == len(_caches(program("prod"))) > 4
    for variables in found:
        assert variables["CACHE_CLUSTER"] == "true"
        assert variables["CACHE_HOST"] == group.outputs["configurationEndpointAddress"]
        # The token is signed for the group's id.
        assert variables["CACHE_NAME"] == group.inputs["replicationGroupId"]


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_one_shard_is_no_cluster(stack: str) -> None:
    found = _caches(program(stack))
    assert found
    assert not any("CACHE_CLUSTER" in variables for variables in found)


def test_only_users_of_several_shards_may_ask_where_the_slots_are(graph: Graph) -> None:
    one = program("prod")
    for user in USERS:
        several, single = (
            each.one("elasticache/user:User", f"cache-{user}").inputs["accessString"] for each in (graph, one)
        )
        assert several == f"{single} +cluster|slots"
    assert set(permissions(3)) == set(permissions(1)) == set(USERS)


def test_each_node_of_each_shard_is_watched_and_shown(graph: Graph) -> None:
    for metric in ("DatabaseMemoryUsagePercentage", "EngineCPUUtilization"):
        found = [one for one in graph.of("MetricAlarm") if one.inputs.get("metricName") == metric]
        assert sorted(one.at("dimensions", "CacheClusterId") for one in found) == NODES
        assert all("more cacheShards" in one.inputs["alarmDescription"] for one in found)
    shown = json.loads(graph.one("Dashboard").inputs["dashboardBody"])["widgets"]
    (memory,) = [each for each in shown if each["properties"]["title"] == "Cache memory, %"]
    assert [metric[3] for metric in memory["properties"]["metrics"]] == NODES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rules_hold(graph: Graph, rule: Rule) -> None:
    assert [str(found) for found in rule.breaches(graph)] == []


@pytest.mark.parametrize(
    ("rule", "breach"),
    [
        (
            rules.alarms_watch_something,
            nested("MetricAlarm", "alarm-cache-3-2-memory", "dimensions.CacheClusterId", "orders-prod-shards-003"),
        ),
        (rules.everything_is_watched, remove("MetricAlarm", "alarm-cache-3-2-memory")),
    ],
)
def test_the_rules_know_the_nodes_by_shard(graph: Graph, rule: Rule, breach: Break) -> None:
    broken = graph.copy()
    breach(broken)
    assert rule.breaches(broken)


def test_aws_takes_the_inputs_and_the_policies(graph: Graph) -> None:
    group = graph.one("ReplicationGroup")
    assert [problem for each in graph.resources for problem in problems(each.type, each.inputs)] == []
    assert unchecked(group.type, group.inputs) == []
    assert iam_reference.findings(graph) == []


def test_each_node_costs(graph: Graph) -> None:
    quantities = {each.what: each.quantity for each in idle(graph)}
    assert quantities["ElastiCache nodes, cache.r7g.large"] == len(NODES) * 730
