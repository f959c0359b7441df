"""Mails to clients: nothing without a sender; with one, nobody else's mail, and nobody else written to by mistake."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest

from infra import policies
from infra.config import load
from infra.errors import ConfigError
from infra.mail import dkim
from infra.names import Names
from infra.regions import COMPLETE, WITHOUT_MAIL
from policy.rules import RULES
from tests.infra import iam_reference
from tests.infra.graph import Graph, program, run

SENDER = {"orders:mailSender": "orders@shop.example"}
KINDS = ("EmailIdentity", "ConfigurationSet", "dynamodb/table:Table")


def with_mail(stack: str = "dev", **more: str) -> Graph:
    return run(stack=stack, settings={**SENDER, **{f"orders:{key}": value for key, value in more.items()}})


def rights(graph: Graph) -> dict[str, dict[str, Any]]:
    """The statements of the function's policy, by the service of their actions."""
    policy = json.loads(graph.one("RolePolicy", "notify-client-policy").inputs["policy"])
    return {statement["Action"][0].partition(":")[0]: statement for statement in policy["Statement"]}


def variables(graph: Graph) -> dict[str, str]:
    found: dict[str, str] = graph.one("Function", "notify-client-function").inputs["environment"]["variables"]
    return found


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_without_a_sender_there_is_nothing_that_mails(stack: str) -> None:
    graph = program(stack)
    assert graph.of(*KINDS) == []
    assert not [found.name for found in graph.resources if "notify" in found.name or "mail" in found.name]
    assert not [name for name in graph.exports if "mail" in name]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_with_a_sender_the_stack_still_obeys_every_rule(stack: str) -> None:
    graph = with_mail(stack)
    assert [str(found) for rule in RULES for found in rule.breaches(graph)] == []
    assert iam_reference.findings(graph) == []
    for kind in KINDS:
        assert len(graph.of(kind)) == 1


def test_it_is_a_consumer_of_orders_with_queue_and_dead_letters_of_its_own() -> None:
    graph = with_mail(consumerConcurrency="50")
    subscription = graph.one("TopicSubscription", "notify-client-subscription")
    assert json.loads(subscription.inputs["filterPolicy"]) == {"data": {"event_type": ["orders.OrderPlaced.v1"]}}
    assert graph.reaches(graph.one("Pipe"), subscription)
    queues = {found.inputs["name"] for found in graph.of("sqs/queue:Queue")}
    assert {"orders-dev-notify-client", "orders-dev-notify-client-dead"} < queues
    mapping = graph.one("EventSourceMapping", "notify-client-mapping")
    # SES has a rate; what is beyond it would end in the dead letters.
    assert mapping.inputs["scalingConfig"] == {"maximumConcurrency": 2}
    assert "vpcConfig" not in graph.one("Function", "notify-client-function").inputs


def test_sandboxed_unless_said_otherwise() -> None:
    graph = with_mail()
    assert variables(graph)["MAIL_SANDBOX"] == "true"
    assert variables(graph)["MAIL_SANDBOX_RECIPIENT"] == "success@simulator.amazonses.com"
    only = rights(graph)["ses"]["Condition"]["ForAllValues:StringEquals"]
    assert only == {"ses:Recipients": "success@simulator.amazonses.com"}
    live = with_mail(mailSandbox="false")
    assert variables(live)["MAIL_SANDBOX"] == "false"
    assert "MAIL_SANDBOX_RECIPIENT" not in variables(live)
    assert rights(live)["ses"]["Condition"] == {"StringEquals": {"ses:FromAddress": "orders@shop.example"}}


def test_it_may_send_from_its_sender_by_its_set_and_keep_its_ledger_and_no_more() -> None:
    graph = with_mail(mailSandbox="false")
    identity, by, table = (graph.one(kind).outputs["arn"] for kind in KINDS)
    statements = rights(graph)
    assert set(statements) == {"logs", "sqs", "xray", "ses", "dynamodb"}
    assert (statements["ses"]["Action"], statements["ses"]["Resource"]) == (["ses:SendEmail"], [identity, by])
    assert statements["dynamodb"]["Resource"] == table
    assert set(statements["dynamodb"]["Action"]) == {
        f"dynamodb:{each}Item" for each in ("Get", "Put", "Update", "Delete")
    }


def test_an_identity_that_is_there_already_is_left_alone() -> None:
    graph = with_mail(mailIdentity="shop.example", mailIdentitySource="existing")
    assert graph.of("EmailIdentity") == []
    assert "arn:aws:ses:eu-central-1:111122223333:identity/shop.example" in rights(graph)["ses"]["Resource"]


def test_a_domain_is_made_known_by_records() -> None:
    assert with_mail(mailIdentity="shop.example").one("EmailIdentity").inputs["emailIdentity"] == "shop.example"
    assert dkim("shop.example", ["a", "b"]) == (
        "a._domainkey.shop.example CNAME a.dkim.amazonses.com\nb._domainkey.shop.example CNAME b.dkim.amazonses.com"
    )
    assert dkim("shop.example", None) == ""


def test_the_ledger_is_kept_as_the_stack_says() -> None:
    table = with_mail("prod").one("dynamodb/table:Table")
    assert table.inputs["deletionProtectionEnabled"] is True
    assert table.options["protect"] is True
    assert table.inputs["pointInTimeRecovery"]["enabled"] is True
    table = with_mail("dev").one("dynamodb/table:Table")
    assert table.inputs["deletionProtectionEnabled"] is False
    assert table.inputs["pointInTimeRecovery"]["enabled"] is False
    assert table.inputs["billingMode"] == "PAY_PER_REQUEST"
    assert table.inputs["serverSideEncryption"]["enabled"] is True
    # The names that Powertools has for key and expiry (functions/notify_client/ledger.py).
    assert (table.inputs["hashKey"], table.inputs["ttl"]) == ("id", {"attributeName": "expiration", "enabled": True})


def test_mails_travel_encrypted_and_reputation_is_watched() -> None:
    graph = with_mail()
    by = graph.one("ConfigurationSet").inputs
    assert by["deliveryOptions"] == {"tlsPolicy": "REQUIRE"}
    assert by["reputationOptions"] == {"reputationMetricsEnabled": True}
    for name, threshold in (("bounces", 0.05), ("complaints", 0.001)):
        alarm = graph.one("MetricAlarm", f"alarm-mail-{name}").inputs
        assert (alarm["threshold"], alarm["dimensions"]) == (threshold, {"ses:configuration-set": "orders-dev-mails"})


def test_a_statement_with_no_recipient_is_for_all() -> None:
    assert "ForAllValues:StringEquals" not in policies.send_mail(["arn"], "a@b.example")["Condition"]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"mailSender": "orders"}, "orders:mailSender"),
        ({"mailSender": "Orders <orders@shop.example>"}, "orders:mailSender"),
        ({"mailSender": "a@shop.example, b@shop.example"}, "orders:mailSender"),
        ({"mailSandboxRecipient": "me"}, "orders:mailSandboxRecipient"),
        ({"mailMaxAgeHours": "0"}, "orders:mailMaxAgeHours"),
        ({"mailConcurrency": "1"}, "orders:mailConcurrency"),
        ({"mailSender": "a@shop.example", "mailIdentity": "other.example"}, "orders:mailIdentity"),
        ({"mailSender": "a@shop.example", "mailIdentity": "op.example"}, "orders:mailIdentity"),
        ({"mailSender": "a@shop.example", "mailIdentity": "example"}, "orders:mailIdentity"),
        ({"mailSender": "a@shop.example", "mailIdentity": "b@shop.example"}, "orders:mailIdentity"),
        ({"mailIdentity": "shop.example"}, "orders:mailIdentity"),
        ({"mailSender": "a@shop.example", "region": "eu-south-2"}, "orders:mailSender"),
    ],
)
def test_mistakes_are_told_with_their_key(values: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"region": "eu-central-1", **values}, Names("orders", "dev", "eu-central-1"))
    assert any(key in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("identity", ["a@mail.shop.example", "mail.shop.example", "shop.example"])
def test_an_identity_stands_for_what_is_below_it(identity: str) -> None:
    values = {"region": "eu-central-1", "mailSender": "a@mail.shop.example", "mailIdentity": identity}
    assert load(values, Names("orders", "dev", "eu-central-1")).mail_identity == identity


def test_regions_without_mail_are_those_of_the_sdk() -> None:
    assert COMPLETE - set(botocore.session.Session().get_available_regions("sesv2")) == WITHOUT_MAIL
