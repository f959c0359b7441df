"""What changed between two sets of inputs, and what it takes."""

from __future__ import annotations

from typing import Any

import pytest

from twin.cloud.assets import ASSET
from twin.cloud.difference import Difference, difference, dotted, has_unknown
from twin.cloud.kind import UNKNOWN
from twin.cloud.registry import coverage, kind_of
from twin.cloud.replacing import REPLACING
from twin.cloud.sdk import type_info

QUEUE, PIPE, INVOCATION = "aws:sqs/queue:Queue", "aws:pipes/pipe:Pipe", "aws:lambda/invocation:Invocation"


def compare(typ: str, old: dict[str, Any], new: dict[str, Any]) -> Difference:
    return difference(kind_of(typ), old, new)


def told(found: Difference) -> dict[str, tuple[str, bool]]:
    return {dotted(each.path): (each.change, each.replaces) for each in found.changed}


def test_each_changed_property_is_named_as_deep_as_both_sides_go() -> None:
    old = {"name": "p", "tags": {"a": "1", "b.c": "2"}, "sourceParameters": {"filterCriteria": {"filters": [1, 2]}}}
    new = {"name": "p", "tags": {"b.c": "3", "d": "4"}, "sourceParameters": {"filterCriteria": {"filters": [1, 5, 6]}}}
    assert told(compare(PIPE, old, new)) == {
        "tags.a": ("delete", False),
        'tags["b.c"]': ("update", False),
        "tags.d": ("add", False),
        "sourceParameters.filterCriteria.filters[1]": ("update", False),
        "sourceParameters.filterCriteria.filters[2]": ("add", False),
    }


def test_nothing_changed_is_nothing() -> None:
    same = {"name": "q", "delaySeconds": 3, "tags": {"a": "b"}, "policy": None}
    assert not compare(QUEUE, same, {**same, "fifoQueue": None}).changed


@pytest.mark.parametrize(
    ("typ", "old", "new", "replaces"),
    [
        (QUEUE, {"delaySeconds": 1}, {"delaySeconds": 2}, False),
        (QUEUE, {"name": "a"}, {"name": "b"}, True),
        (QUEUE, {"region": "eu-west-1"}, {"region": "eu-west-2"}, True),
        ("aws:sns/topicSubscription:TopicSubscription", {"filterPolicy": "a"}, {"filterPolicy": "b"}, False),
        ("aws:sns/topicSubscription:TopicSubscription", {"protocol": "sqs"}, {"protocol": "lambda"}, True),
        ("aws:dms/replicationTask:ReplicationTask", {"tableMappings": "{}"}, {"tableMappings": "[]"}, False),
        ("aws:dms/replicationTask:ReplicationTask", {"sourceEndpointArn": "a"}, {"sourceEndpointArn": "b"}, True),
        ("aws:rds/cluster:Cluster", {"backupRetentionPeriod": 1}, {"backupRetentionPeriod": 2}, False),
        ("aws:rds/cluster:Cluster", {"masterUsername": "a"}, {"masterUsername": "b"}, True),
        # A type that nothing can change is made anew whatever changed.
        ("aws:lambda/permission:Permission", {"action": "a"}, {"action": "b"}, True),
        ("random:index/randomPassword:RandomPassword", {"length": 1}, {"length": 2}, True),
        # A member of a property, and a property that brings such a member along.
        (PIPE, {"sourceParameters": {"kinesisStreamParameters": {"startingPosition": "LATEST"}}},
         {"sourceParameters": {"kinesisStreamParameters": {"startingPosition": "TRIM_HORIZON"}}}, True),
        (PIPE, {"sourceParameters": {"kinesisStreamParameters": {"batchSize": 1}}},
         {"sourceParameters": {"kinesisStreamParameters": {"batchSize": 2}}}, False),
        (PIPE, {}, {"sourceParameters": {"kinesisStreamParameters": {"startingPosition": "LATEST"}}}, True),
        (PIPE, {}, {"sourceParameters": {"filterCriteria": {"filters": []}}}, False),
        # What was invoked once is invoked again by a new resource; with a life of its own it is updated.
        (INVOCATION, {"input": "1"}, {"input": "2"}, True),
        (INVOCATION, {"input": "1", "lifecycleScope": "CRUD"}, {"input": "2", "lifecycleScope": "CRUD"}, False),
    ],
)  # fmt: skip
def test_a_change_replaces_as_on_aws(typ: str, old: dict[str, Any], new: dict[str, Any], replaces: bool) -> None:
    assert compare(typ, old, new).replaces is replaces


def test_a_named_resource_goes_before_its_successor_comes() -> None:
    assert compare(QUEUE, {"name": "q", "fifoQueue": False}, {"name": "q", "fifoQueue": True}).delete_first
    assert not compare(QUEUE, {"name": "a"}, {"name": "b"}).delete_first
    assert not compare(QUEUE, {"name": "q", "delaySeconds": 1}, {"name": "q"}).delete_first, "not replaced at all"
    method = {"restApi": "a", "resourceId": "r", "httpMethod": "GET", "region": "x"}
    assert compare("aws:apigateway/method:Method", method, {**method, "region": "y"}).delete_first
    assert not compare("aws:apigateway/deployment:Deployment", {"triggers": {"a": "1"}}, {}).delete_first
    unknown = {"queueUrl": UNKNOWN, "policy": "{}", "region": "y"}
    assert not compare("aws:sqs/queuePolicy:QueuePolicy", {"queueUrl": "u", "policy": "{}"}, unknown).delete_first


def test_what_is_not_known_yet_counts_as_changed() -> None:
    assert told(compare(QUEUE, {"policy": "{}"}, {"policy": UNKNOWN})) == {"policy": ("update", False)}
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": 1}]})


def test_code_is_compared_by_content_and_not_by_path() -> None:
    def code(path: str, sha256: str) -> dict[str, Any]:
        return {"code": {ASSET: {"kind": "FileArchive", "path": path}, "sha256": sha256}}

    function = "aws:lambda/function:Function"
    assert not compare(function, code("/a.zip", "1"), code("/b.zip", "1")).changed
    assert told(compare(function, code("/a.zip", "1"), code("/a.zip", "2"))) == {"code": ("update", False)}


@pytest.mark.parametrize("token", sorted(REPLACING))
def test_replacing_properties_are_properties_of_the_type(token: str) -> None:
    info = type_info(token)
    assert info is not None
    assert {name.partition(".")[0] for name in REPLACING[token]} <= info.inputs.keys()


def test_every_type_that_carries_data_has_its_replacing_properties() -> None:
    # These three have none on AWS.
    free = {"aws:apigateway/account:Account", "aws:apigateway/restApi:RestApi", "aws:apigateway/usagePlan:UsagePlan"}
    real = {token for token, how in coverage() if how != "recorded" and token.startswith("aws:")}
    assert real - REPLACING.keys() == free
