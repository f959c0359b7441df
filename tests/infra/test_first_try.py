"""What makes the first deployment work, the next ones calm, and the last one clean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.graph import Graph, program, run


def statements(graph: Graph, kind: str) -> list[list[dict[str, Any]]]:
    return [json.loads(one.inputs["policy"])["Statement"] for one in graph.of(kind)]


def test_pipe_is_made_when_its_role_is_known() -> None:
    graph = program("dev")
    # The provider does not try again; the migrations take minutes, and the policy exists before them.
    assert graph.reaches(graph.one("Pipe"), graph.one("Invocation"))
    assert graph.reaches(graph.one("Pipe"), graph.one("RolePolicy", "pipe-policy"))
    assert not graph.reaches(graph.one("Invocation"), graph.one("Pipe"))


def test_alarms_on_a_silent_task_come_after_it_and_go_before_it() -> None:
    graph = program("dev")
    task = graph.one("ReplicationTask")
    silent = [one for one in graph.of("MetricAlarm") if one.inputs["treatMissingData"] == "breaching"]
    assert silent
    assert all(graph.reaches(one, task) for one in silent)


def test_task_goes_before_all_that_it_needs_to_drop_its_slot() -> None:
    graph = program("prod")
    task = graph.one("ReplicationTask")
    for kind in ("ClusterInstance", "Cluster", "ReplicationInstance", "VpcEndpoint", "dms/endpoint:Endpoint"):
        assert all(graph.reaches(task, one) for one in graph.of(kind)), kind
    for name in ("database-cdc-secret", "capture-source-role", "capture-source-policy", "database-from-capture"):
        [one] = [each for each in graph.resources if each.name == name]
        assert graph.reaches(task, one), name


def test_functions_free_their_own_security_group() -> None:
    graph = program("dev")
    spare = graph.one("DefaultSecurityGroup").id
    inside = [one for one in graph.of("lambda/function:Function") if "vpcConfig" in one.inputs]
    assert inside
    for function in inside:
        assert function.inputs["replaceSecurityGroupsOnDestroy"] is True
        assert function.inputs["replacementSecurityGroupIds"] == [spare]


def test_migrations_run_again_with_new_secrets() -> None:
    by_token = program("dev").one("Invocation").inputs["triggers"]
    by_secret = run(settings={"orders:databaseAuth": "secret"}).one("Invocation").inputs["triggers"]
    assert set(by_token) == {"migrations", "code", "secrets"}
    assert by_token["secrets"] != by_secret["secrets"]
    assert by_token["migrations"] == by_secret["migrations"]


def test_destruction_of_prod_leaves_a_snapshot_when_protection_ends() -> None:
    graph = run(stack="prod", settings={"orders:deletionProtection": "false"})
    cluster = graph.one("rds/cluster:Cluster")
    assert cluster.inputs["deletionProtection"] is False
    assert not cluster.options["protect"]
    assert cluster.inputs["skipFinalSnapshot"] is False
    assert cluster.inputs["finalSnapshotIdentifier"].startswith("orders-prod-final-")
    assert program("prod").one("rds/cluster:Cluster").options["protect"]


def test_versions_stay_as_configured() -> None:
    graph = program("dev")
    assert not any(one.inputs["autoMinorVersionUpgrade"] for one in graph.of("ClusterInstance", "ReplicationGroup"))
    # An instance of its own version would stand against the cluster's upgrade.
    assert not any("engineVersion" in one.inputs for one in graph.of("ClusterInstance"))
    assert graph.one("ReplicationInstance").inputs["autoMinorVersionUpgrade"] is True
    pinned = run(settings={"orders:captureVersion": "3.6.1"}).one("ReplicationInstance")
    assert (pinned.inputs["engineVersion"], pinned.inputs["autoMinorVersionUpgrade"]) == ("3.6.1", False)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_messages_go_by_tls_only(stack: str) -> None:
    graph = program(stack)
    found = [*statements(graph, "QueuePolicy"), *statements(graph, "TopicPolicy")]
    assert len(found) == len(graph.of("sqs/queue:Queue", "sns/topic:Topic"))
    for each in found:
        assert [one for one in each if one["Effect"] == "Deny"] == [
            {
                "Sid": "OnlyTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": each[-1]["Action"],
                "Resource": each[-1]["Resource"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]


def test_local_messages_go_without_tls() -> None:
    graph = program("local")
    assert not [one for each in statements(graph, "QueuePolicy") for one in each if one["Effect"] == "Deny"]


@pytest.mark.parametrize(("value", "traffic"), [("rejected", "REJECT"), ("all", "ALL")])
def test_flow_logs(value: str, traffic: str) -> None:
    assert program("dev").of("FlowLog") == []
    graph = run(settings={"orders:flowLogs": value})
    log = graph.one("FlowLog")
    assert log.inputs["trafficType"] == traffic
    group = graph.one("LogGroup", "network-flow-logs")
    assert log.inputs["logDestination"] == group.outputs["arn"]
    allowed = json.loads(graph.one("RolePolicy", "network-flow-policy").inputs["policy"])["Statement"]
    [writing] = [one for one in allowed if "logs:PutLogEvents" in one["Action"]]
    assert writing["Resource"] == f"{group.outputs['arn']}:*"
    assert graph.reaches(log, graph.one("RolePolicy", "network-flow-policy"))


def test_zones_in_trouble_stay_on_the_list() -> None:
    [zones] = [args for token, args in program("dev").invokes if "AvailabilityZones" in token]
    assert "state" not in zones
    assert "use1-az3" in zones["excludeZoneIds"]


def test_unreadable_messages_ring() -> None:
    alarm = program("dev").one("MetricAlarm", "alarm-topic-unreadable")
    assert alarm.inputs["metricName"] == "NumberOfNotificationsFilteredOut-InvalidMessageBody"
    assert alarm.inputs["dimensions"] == {"TopicName": "orders-dev-events"}
