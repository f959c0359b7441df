"""Identities, configuration sets and tables: made once, changed in place, gone when deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.twin.cloud.documents import ACCOUNT, REGION
from twin.cloud import Cloud, InputError
from twin.emulator import Emulator

IDENTITY = "aws:sesv2/emailIdentity:EmailIdentity"
SET = "aws:sesv2/configurationSet:ConfigurationSet"
TABLE = "aws:dynamodb/table:Table"
LEDGER: dict[str, Any] = {
    "name": "ledger", "billingMode": "PAY_PER_REQUEST", "hashKey": "id", "attributes": [{"name": "id", "type": "S"}],
    "ttl": {"attributeName": "expiration", "enabled": True}, "pointInTimeRecovery": {"enabled": True},
    "serverSideEncryption": {"enabled": True}, "deletionProtectionEnabled": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "kind", "tokens"), [("orders@shop.example", "EMAIL_ADDRESS", 0), ("shop.example", "DOMAIN", 3)]
)
def test_an_identity_can_be_sent_from_at_once(
    cloud: Cloud, emulator: Emulator, identity: str, kind: str, tokens: int
) -> None:
    made = cloud.create(IDENTITY, "i", {"emailIdentity": identity})
    assert made == cloud.create(IDENTITY, "i", {"emailIdentity": identity})
    assert made.outputs["arn"] == f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{identity}"
    assert made.outputs["identityType"] == kind
    assert len(made.outputs["dkimSigningAttributes"]["tokens"]) == tokens
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    sender = identity if "@" in identity else f"orders@{identity}"
    assert emulator.client("sesv2").send_email(
        FromEmailAddress=sender, Destination={"ToAddresses": ["bob@b.example"]}, Content=content
    )["MessageId"]
    _gone(cloud, IDENTITY, made.id, made.outputs)


def test_a_configuration_set_takes_its_options_in_place(cloud: Cloud, emulator: Emulator) -> None:
    inputs = {"configurationSetName": "mails", "deliveryOptions": {"tlsPolicy": "REQUIRE"}}
    made = cloud.create(SET, "s", inputs)
    changed = cloud.create(
        SET,
        "s",
        {
            **inputs,
            "deliveryOptions": {"tlsPolicy": "OPTIONAL"},
            "suppressionOptions": {"suppressedReasons": ["BOUNCE"]},
        },
    )
    assert changed.id == made.id == "mails"
    assert made.outputs["arn"] == f"arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/mails"
    found = emulator.client("sesv2").get_configuration_set(ConfigurationSetName="mails")
    assert found["DeliveryOptions"]["TlsPolicy"] == "OPTIONAL"
    assert found["SuppressionOptions"]["SuppressedReasons"] == ["BOUNCE"]
    _gone(cloud, SET, made.id, made.outputs)


def test_an_option_that_ses_does_not_know_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="tlsPolicy is 'ALWAYS'"):
        cloud.create(SET, "s", {"configurationSetName": "mails", "deliveryOptions": {"tlsPolicy": "ALWAYS"}})


def test_a_table_has_its_key_its_expiry_and_its_protection(cloud: Cloud, emulator: Emulator) -> None:
    made, tables = cloud.create(TABLE, "t", LEDGER), emulator.client("dynamodb")
    assert made.outputs["arn"] == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/ledger"
    found = tables.describe_table(TableName="ledger")["Table"]
    assert found["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    ttl = tables.describe_time_to_live(TableName="ledger")["TimeToLiveDescription"]
    assert (ttl["AttributeName"], ttl["TimeToLiveStatus"]) == ("expiration", "ENABLED")
    tables.put_item(TableName="ledger", Item={"id": {"S": "1"}})
    changed = cloud.create(
        TABLE, "t", {**LEDGER, "deletionProtectionEnabled": True, "pointInTimeRecovery": {"enabled": False}}
    )
    assert changed.id == made.id
    assert tables.describe_table(TableName="ledger")["Table"]["DeletionProtectionEnabled"] is True
    backups = tables.describe_continuous_backups(TableName="ledger")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert tables.get_item(TableName="ledger", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    again = cloud.create(TABLE, "t", LEDGER)
    _gone(cloud, TABLE, again.id, again.outputs)


def test_a_table_with_more_than_the_twin_makes_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InputError, match=r"streamEnabled.*twin/cloud/dynamodb\.py"):
        cloud.create(TABLE, "t", {**LEDGER, "streamEnabled": True})


def test_a_billing_mode_that_dynamodb_does_not_know_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="billingMode is 'FREE'"):
        cloud.create(TABLE, "t", {**LEDGER, "billingMode": "FREE"})


def _gone(cloud: Cloud, typ: str, id_: str, outputs: dict[str, Any]) -> None:
    cloud.delete(typ, id_, outputs)
    cloud.delete(typ, id_, outputs)
    assert not cloud.exists(typ, id_)
