"""What the provider fills in, what it refuses before anything is made, and what a preview knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.twin.cloud.documents import ACCOUNT, REGION
from twin.cloud.checks import Checked, checked
from twin.cloud.errors import InputError
from twin.cloud.kind import UNKNOWN, Request
from twin.cloud.names import Naming
from twin.cloud.preview import before, created, updated
from twin.cloud.registry import kind_of, secret_outputs
from twin.cloud.sdk import type_info, version
from twin.cloud.settings import ProviderSettings

QUEUE, ROLE, PIPE = "aws:sqs/queue:Queue", "aws:iam/role:Role", "aws:pipes/pipe:Pipe"
TAGS = ProviderSettings(region=REGION, default_tags={"team": "a", "stack": "b"})


def check(typ: str, inputs: dict[str, Any], **options: Any) -> Checked:
    settings = options.pop("settings", ProviderSettings())
    return checked(kind_of(typ), Request(typ, "n", inputs, "seed"), region=REGION, settings=settings, **options)


def paths(found: Checked) -> set[str]:
    return {problem.path for problem in found.problems}


def test_region_and_tags_of_the_provider_are_filled_in_where_the_type_has_them() -> None:
    queue = check(QUEUE, {"tags": {"team": "own"}}, settings=TAGS).request.inputs
    assert (queue["region"], queue["tags"]) == (REGION, {"team": "own"})
    assert queue["tagsAll"] == {"team": "own", "stack": "b"}
    role = check(ROLE, {"assumeRolePolicy": "{}"}, settings=TAGS).request.inputs
    assert "region" not in role, "IAM has no regions"
    assert role["tagsAll"] == {"team": "a", "stack": "b"}
    policy = check("aws:sqs/queuePolicy:QueuePolicy", {"queueUrl": "u", "policy": "{}"}, settings=TAGS).request.inputs
    assert "tagsAll" not in policy
    assert check(QUEUE, {"tags": UNKNOWN}, settings=TAGS).request.inputs["tagsAll"] is UNKNOWN


def test_ignored_tags_are_left_out() -> None:
    inputs = {
        "defaultTags": '{"tags": {"a": "1", "aws:x": "2"}}',
        "ignoreTags": '{"keys": ["b"], "keyPrefixes": ["aws:"]}',
    }
    settings = ProviderSettings.from_inputs(inputs)
    assert check(QUEUE, {"tags": {"b": "1", "c": "2"}}, settings=settings).request.inputs["tagsAll"] == {
        "a": "1",
        "c": "2",
    }


def test_a_provider_of_another_region_or_account_is_refused() -> None:
    inputs = {"region": "us-west-2", "allowedAccountIds": '["1"]', "forbiddenAccountIds": f'["{ACCOUNT}"]'}
    found = list(ProviderSettings.from_inputs(inputs).problems(REGION, ACCOUNT))
    assert [problem.path for problem in found] == ["region", "allowedAccountIds", "forbiddenAccountIds"]
    assert REGION in found[0].text
    assert not list(ProviderSettings(region=REGION, allowed_accounts=(ACCOUNT,)).problems(REGION, ACCOUNT))
    assert paths(check(QUEUE, {"region": "us-west-2"})) == {"region"}


def test_every_problem_is_found_and_each_names_its_property() -> None:
    pipe = {
        "source": UNKNOWN, "target": "arn:aws:sns:eu-west-1:123456789012:t", "roleArn": "nobody",
        "sourceParameters": {"kinesisStreamParameters": {"startingPosition": "START", "batchSize": 11}},
    }  # fmt: skip
    found = check(PIPE, pipe)
    stream = "sourceParameters.kinesisStreamParameters"
    assert paths(found) == {"roleArn", f"{stream}.startingPosition", f"{stream}.batchSize"}
    assert all(problem.path in problem.text for problem in found.problems)
    with pytest.raises(InputError, match=r"(?s)aws:pipes/pipe:Pipe 'n': .*roleArn.*"):
        found.or_refuse()


@pytest.mark.parametrize(
    ("typ", "inputs"),
    [
        (QUEUE, {"visibilityTimeoutSeconds": UNKNOWN, "name": UNKNOWN, "redrivePolicy": UNKNOWN}),
        (PIPE, {"source": UNKNOWN, "target": UNKNOWN, "roleArn": UNKNOWN, "sourceParameters": UNKNOWN}),
        ("aws:rds/cluster:Cluster", {"engine": UNKNOWN, "masterPassword": UNKNOWN, "skipFinalSnapshot": UNKNOWN}),
        ("aws:lambda/function:Function", {"runtime": UNKNOWN, "role": UNKNOWN, "memorySize": UNKNOWN}),
        ("aws:lambda/eventSourceMapping:EventSourceMapping", {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN,
                                                              "batchSize": UNKNOWN}),
        ("aws:elasticache/replicationGroup:ReplicationGroup", {"description": "d", "numCacheClusters": UNKNOWN,
                                                               "automaticFailoverEnabled": True}),
        ("aws:dms/replicationTask:ReplicationTask", {"migrationType": UNKNOWN, "replicationTaskId": "t",
                                                     "replicationInstanceArn": UNKNOWN, "sourceEndpointArn": UNKNOWN,
                                                     "targetEndpointArn": UNKNOWN, "tableMappings": UNKNOWN}),
        ("random:index/randomPassword:RandomPassword", {"length": UNKNOWN}),
        ("aws:secretsmanager/secretVersion:SecretVersion", {"secretId": UNKNOWN, "secretString": UNKNOWN}),
    ],
)  # fmt: skip
def test_what_is_not_known_yet_is_not_refused(typ: str, inputs: dict[str, Any]) -> None:
    assert not check(typ, inputs).problems


def test_names_follow_the_stacks_rule() -> None:
    assert check(QUEUE, {}).request.inputs["name"].startswith("n-")
    enforced = Naming("exactly", "enforce")
    assert check(QUEUE, {}, naming=enforced).request.inputs["name"] == "exactly"
    assert check(QUEUE, {"name": "own"}, naming=enforced).request.inputs["name"] == "own"
    assert check(QUEUE, {"fifoQueue": True}, naming=Naming("q", "propose")).request.inputs["name"] == "q.fifo"
    disabled = check(QUEUE, {}, naming=Naming("", "disable"))
    assert [problem.path for problem in disabled.problems] == ["name"]
    assert "automatic names off" in disabled.problems[0].text
    long = check(
        "aws:lambda/function:Function", {"role": UNKNOWN, "runtime": UNKNOWN}, naming=Naming("x" * 65, "propose")
    )
    assert paths(long) == {"name"}


def test_a_preview_knows_what_a_change_cannot_change() -> None:
    assert created({"a": UNKNOWN, "b": 1}) == {"a": UNKNOWN, "b": 1}
    function, old = "aws:lambda/function:Function", {"timeout": 3, "description": "d"}
    outputs = {**old, "arn": "a", "codeSha256": "1", "memorySize": 128}
    after = updated(function, old, {"timeout": 4}, outputs)
    assert after == {"timeout": 4, "arn": "a", "codeSha256": UNKNOWN, "memorySize": 128}
    assert updated(function, old, old, outputs) == outputs


def test_inputs_of_an_older_state_are_completed_from_its_outputs() -> None:
    outputs = {"name": "q-1", "region": REGION, "tagsAll": {"a": "b"}, "arn": "x"}
    new = {"name": "q-1", "region": REGION, "tagsAll": {"a": "b"}}
    assert before(QUEUE, {}, new, outputs) == new
    assert before(ROLE, {}, {"name": "q-1"}, outputs) == {"name": "q-1"}, "no region where none is asked for"
    assert before(QUEUE, {"region": "other"}, new, outputs)["region"] == "other"


def test_the_providers_package_tells_properties_and_secrets() -> None:
    info = type_info(QUEUE)
    assert info is not None
    assert {"visibilityTimeoutSeconds", "tags", "region"} <= info.inputs.keys()
    assert {"url", "tagsAll"} <= info.outputs.keys() - info.inputs.keys()
    assert type_info("aws:lambda/function:Function") is not None, "a module that is named like a keyword"
    assert type_info("aws:none/none:None") is None
    assert type_info("kubernetes:core/v1:Pod") is None
    assert {"masterPassword"} <= secret_outputs("aws:rds/cluster:Cluster")
    assert {"result"} <= secret_outputs("random:index/randomPassword:RandomPassword")
    assert version("aws").count(".") == 2
