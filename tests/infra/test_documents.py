"""Documents that AWS reads: policies, DMS mappings, pipe templates, problem documents, alarms, dashboard."""

from __future__ import annotations

import json
import re

import pytest

from infra import alarms, dashboard, mappings, policies, problems, templates
from infra.api import _BASIC
from infra.config import load
from infra.names import Names
from infra.network import subnet_blocks

NAMES = Names("orders", "dev", "eu-central-1")
CONFIG = load({"region": "eu-central-1"}, NAMES)


def test_database_login_names_cluster_and_user() -> None:
    statement = policies.connect_to_database(
        "arn:aws-cn:rds:cn-north-1:111122223333:cluster:orders", "cluster-X", "app"
    )
    assert statement["Resource"] == "arn:aws-cn:rds-db:cn-north-1:111122223333:dbuser:cluster-X/app"
    assert statement["Action"] == ["rds-db:connect"]


def test_cache_login_names_group_and_user() -> None:
    assert policies.connect_to_cache("arn:group", "arn:user")["Resource"] == ["arn:group", "arn:user"]


def test_network_rights_are_denied_to_the_code() -> None:
    allowed, denied = policies.attach_to_network("arn:function")
    assert denied["Effect"] == "Deny"
    assert denied["Action"] == allowed["Action"]
    assert denied["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": ["arn:function"]}}


def test_trust() -> None:
    [statement] = json.loads(policies.trust(["pipes.amazonaws.com"], "111122223333"))["Statement"]
    assert statement["Principal"] == {"Service": ["pipes.amazonaws.com"]}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    assert "Condition" not in json.loads(policies.trust(["lambda.amazonaws.com"]))["Statement"][0]


def test_queue_takes_from_its_topic_only() -> None:
    statement = policies.from_topic("arn:queue", "arn:topic")
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:queue"
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "arn:topic"}}


@pytest.mark.parametrize(
    ("statement", "actions"),
    [
        (policies.receive("a"), {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}),
        (policies.write_stream("a"), {"kinesis:DescribeStream", "kinesis:PutRecord", "kinesis:PutRecords"}),
        (policies.read_secret("a"), {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}),
        (policies.publish("a"), {"sns:Publish"}),
        (policies.send("a"), {"sqs:SendMessage"}),
        (policies.encrypt("a"), {"kms:GenerateDataKey", "kms:Decrypt"}),
    ],
)
def test_statements_are_exact(statement: policies.Statement, actions: set[str]) -> None:
    assert set(statement["Action"]) == actions
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "a")


def test_table_mappings_take_one_table_keyed_by_the_aggregate() -> None:
    selection, mapping = json.loads(mappings.table_mappings("public", "outbox", "aggregate_id"))["rules"]
    assert selection["object-locator"] == {"schema-name": "public", "table-name": "outbox"}
    assert selection["rule-action"] == "include"
    assert mapping["rule-action"] == "map-record-to-record"
    parameters = mapping["mapping-parameters"]
    assert parameters["partition-key-type"] == "attribute-name"
    assert parameters["partition-key-name"] == "aggregate_id"
    # The key must be an attribute that the mapping itself defines.
    assert [each["target-attribute-name"] for each in parameters["attribute-mappings"]] == ["aggregate_id"]
    assert parameters["attribute-mappings"][0]["value"] == "${aggregate_id}"


def test_task_stops_on_errors_and_never_goes_on_without_the_table() -> None:
    settings = json.loads(mappings.task_settings())
    behaviour = settings["ErrorBehavior"]
    policies_ = {key: value for key, value in behaviour.items() if key.endswith("Policy")}
    assert len(policies_) == 9
    # Deletions are those of old rows, which nobody waits for.
    assert policies_.pop("ApplyErrorDeletePolicy") == "IGNORE_RECORD"
    assert set(policies_.values()) == {"STOP_TASK"}
    assert behaviour["FailOnNoTablesCaptured"] is True
    # What DMS owns, or does not support for Kinesis.
    assert set(settings["Logging"]) == {"EnableLogging"}
    assert settings["TargetMetadata"]["BatchApplyEnabled"] is False
    assert settings["TargetMetadata"]["FullLobMode"] is False


def test_pipe_takes_new_rows_of_the_outbox() -> None:
    pattern = json.loads(templates.pipe_filter("public", "outbox"))["data"]["metadata"]
    assert pattern == {
        "record-type": ["data"],
        "operation": ["load", "insert"],
        "schema-name": ["public"],
        "table-name": ["outbox"],
    }


def test_pipe_template_is_an_object_of_bare_variables() -> None:
    # Quotes around a variable would make invalid JSON of an object.
    filled = re.sub(r"<\$\.data\.(\w+)>", r'{"was": "\1"}', templates.pipe_input_template())
    assert json.loads(filled) == {"data": {"was": "data"}, "metadata": {"was": "metadata"}}


def test_subscription_filters_on_the_event_type() -> None:
    assert json.loads(templates.event_filter(["a", "b"])) == {"data": {"event_type": ["a", "b"]}}


def test_gateway_responses_are_problem_documents() -> None:
    responses = {each.kind: each for each in problems.gateway_responses("orders")}
    assert {"UNAUTHORIZED", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for response in responses.values():
        assert response.parameters["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        document = json.loads(response.template.replace("$context.error.messageString", '"message"'))
        assert document["title"]
        assert document.get("status") == response.status
    unauthorized = responses["UNAUTHORIZED"]
    assert unauthorized.status == 401
    challenge = unauthorized.parameters["gatewayresponse.header.WWW-Authenticate"]
    assert challenge == '\'Basic realm="orders", charset="UTF-8"\''


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("Basic b3JkZXJzOnBhc3M=", True),
        ("basic b3JkZXJzOnBhc3M", True),
        ("Bearer abc", False),
        ("Basic", False),
        ("Basic not base64!", False),
    ],
)
def test_authorizer_is_asked_about_basic_credentials_only(header: str, asked: bool) -> None:
    assert bool(re.fullmatch(_BASIC, header)) is asked


def test_subnets_do_not_overlap() -> None:
    assert subnet_blocks("10.20.0.0/16", 3) == ["10.20.0.0/20", "10.20.16.0/20", "10.20.32.0/20"]
    # The smallest network that the configuration takes still has subnets that AWS takes.
    assert subnet_blocks("10.20.0.0/22", 3)[2] == "10.20.0.128/26"


def test_dashboard_follows_the_flow() -> None:
    widgets = json.loads(
        dashboard.body(
            CONFIG, NAMES, functions=["place_order"], consumers=["project_clients"], scheduled=["prune_outbox"]
        )
    )["widgets"]
    titles = [each["properties"]["title"] for each in widgets]
    order = ["Requests", "Database", "Capture", "Stream", "Pipe", "Oldest message", "Dead", "Cache"]
    places = [next(index for index, title in enumerate(titles) if title.startswith(start)) for start in order]
    assert places == sorted(places)
    corners = {(each["x"], each["y"]) for each in widgets}
    assert len(corners) == len(widgets)
    assert all(each["x"] + each["width"] <= 24 for each in widgets)


def test_alarm_on_dead_letters_rings_at_the_first() -> None:
    alarm = alarms.dead_letters("pipe", "queue")
    assert (alarm.threshold, alarm.comparison, alarm.periods) == (1, "GreaterThanOrEqualToThreshold", 1)
    assert alarm.dimensions == {"QueueName": "queue"}
