"""Secrets, roles, policies, random values and recorded resources."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.twin.cloud.documents import ACCOUNT, REGION, allow, trust
from twin.cloud import Cloud, InputError, ResourceError, UnsupportedTypeError
from twin.emulator import Emulator

SECRET, VERSION = "aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretVersion:SecretVersion"
PASSWORD = "random:index/randomPassword:RandomPassword"


def test_a_secret_without_value_answers_as_on_aws(cloud: Cloud, emulator: Emulator) -> None:
    secret = cloud.create(SECRET, "s", {})
    secrets = emulator.client("secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=secret.id)


def test_a_new_value_is_a_new_version_and_an_equal_one_none(cloud: Cloud, emulator: Emulator) -> None:
    secret = cloud.create(SECRET, "s", {})
    first = cloud.create(VERSION, "v", {"secretId": secret.id, "secretString": "one"})
    secrets = emulator.client("secretsmanager")
    secrets.put_secret_value(SecretId=secret.id, SecretString="written by a function")
    assert cloud.create(VERSION, "v", {"secretId": secret.id, "secretString": "one"}) == first
    assert secrets.get_secret_value(SecretId=secret.id)["SecretString"] == "written by a function"
    cloud.create(VERSION, "v", {"secretId": secret.id, "secretString": "two"})
    assert secrets.get_secret_value(SecretId=secret.id)["SecretString"] == "two"


def test_a_recovery_window_that_aws_refuses_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="recoveryWindowInDays is 3"):
        cloud.create(SECRET, "s", {"recoveryWindowInDays": 3})


def test_a_role_with_policies_is_changed_and_removed(cloud: Cloud, emulator: Emulator) -> None:
    iam = emulator.client("iam")
    role = cloud.create("aws:iam/role:Role", "r", {"assumeRolePolicy": trust("lambda.amazonaws.com")})
    policy = cloud.create("aws:iam/rolePolicy:RolePolicy", "p", {"role": role.id, "policy": allow("sqs:SendMessage")})
    cloud.create("aws:iam/rolePolicy:RolePolicy", "p", {"role": role.id, "policy": allow("sns:Publish")})
    managed = {"role": role.id, "policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}
    cloud.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", managed)
    name = policy.outputs["name"]
    document = iam.get_role_policy(RoleName=role.id, PolicyName=name)["PolicyDocument"]
    assert document["Statement"][0]["Action"] == ["sns:Publish"]
    assert role.outputs["arn"] == f"arn:aws:iam::{ACCOUNT}:role/{role.id}"
    cloud.delete("aws:iam/role:Role", role.id, role.outputs)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role.id)


def test_a_managed_policy_can_change_more_often_than_aws_keeps_versions(cloud: Cloud, emulator: Emulator) -> None:
    for number in range(8):
        made = cloud.create("aws:iam/policy:Policy", "p", {"policy": allow(f"sqs:Action{number}")})
    iam = emulator.client("iam")
    version = iam.get_policy(PolicyArn=made.id)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=made.id, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == ["sqs:Action7"]


def test_a_policy_that_is_no_json_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="assumeRolePolicy is not JSON"):
        cloud.create("aws:iam/role:Role", "r", {"assumeRolePolicy": "{"})


def test_what_the_local_service_refuses_is_told_with_type_and_name(cloud: Cloud) -> None:
    with pytest.raises(
        ResourceError, match=r"aws:iam/rolePolicy:RolePolicy 'p': PutRolePolicy was refused: NoSuchEntity"
    ):
        cloud.create("aws:iam/rolePolicy:RolePolicy", "p", {"role": "nobody", "policy": allow("sns:Publish")})


def test_a_password_is_drawn_once(cloud: Cloud) -> None:
    inputs = {"length": 24, "special": False, "minNumeric": 20}
    first = cloud.create(PASSWORD, "p", inputs).outputs["result"]
    assert re.fullmatch(r"[A-Za-z0-9]{24}", first)
    assert sum(character.isdigit() for character in first) >= 20
    assert cloud.create(PASSWORD, "p", inputs).outputs["result"] == first
    assert cloud.create(PASSWORD, "p", {**inputs, "keepers": {"serial": "2"}}).outputs["result"] != first


def test_a_password_that_cannot_be_drawn_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="cannot be drawn"):
        cloud.create(PASSWORD, "p", {"length": 4, "minUpper": 3, "minLower": 3})


@pytest.mark.parametrize(
    ("typ", "inputs", "id_", "arn"),
    [
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, r"vpc-[0-9a-f]{17}", f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm",
         {"name": "lag", "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1},
         "lag", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:lag"),
        ("aws:kms/key:Key", {}, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/"),
        ("aws:wafv2/webAcl:WebAcl", {"scope": "REGIONAL"}, r"webacl-[0-9a-f]{17}", None),
    ],
)  # fmt: skip
def test_a_recorded_resource_has_a_plausible_id_and_arn(
    cloud: Cloud, typ: str, inputs: dict[str, Any], id_: str, arn: str | None
) -> None:
    made = cloud.create(typ, "recorded", inputs)
    assert re.fullmatch(id_, made.id)
    assert str(made.outputs.get("arn", "")).startswith(arn or "")
    assert inputs.items() <= made.outputs.items()
    assert cloud.create(typ, "recorded", {**inputs, "tags": {"a": "b"}}).id == made.id


def test_an_unknown_type_with_data_is_refused(cloud: Cloud) -> None:
    with pytest.raises(UnsupportedTypeError, match="aws:efs/fileSystem:FileSystem"):
        cloud.create("aws:efs/fileSystem:FileSystem", "t", {})


def test_calls_of_the_program_are_answered(cloud: Cloud) -> None:
    assert cloud.call("aws:index/getRegion:getRegion", {})["name"] == REGION
    assert cloud.call("aws:index/getCallerIdentity:getCallerIdentity", {})["accountId"] == ACCOUNT
    zones = cloud.call("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"})
    assert zones["names"] == [f"{REGION}a", f"{REGION}b", f"{REGION}c"]
    assert zones["zoneIds"][0] == "euw1-az1"
    with pytest.raises(UnsupportedTypeError, match="getAmi"):
        cloud.call("aws:ec2/getAmi:getAmi", {})


def test_roles_are_found_by_name(cloud: Cloud) -> None:
    found = "aws:iam/getRoles:getRoles"
    assert cloud.call(found, {"nameRegex": "^dms-vpc-role$"})["names"] == []
    cloud.create("aws:iam/role:Role", "r", {"name": "dms-vpc-role", "assumeRolePolicy": trust("dms.amazonaws.com")})
    assert cloud.call(found, {"nameRegex": "^dms-vpc-role$"})["names"] == ["dms-vpc-role"]


def test_a_policy_document_is_built(cloud: Cloud) -> None:
    statement = {
        "actions": ["sqs:SendMessage"], "resources": ["a", "b"],
        "principals": [{"type": "Service", "identifiers": ["sns.amazonaws.com"]}],
        "conditions": [{"test": "ArnEquals", "variable": "aws:SourceArn", "values": ["t"]}],
    }  # fmt: skip
    answer = cloud.call("aws:iam/getPolicyDocument:getPolicyDocument", {"statements": [statement]})
    assert json.loads(answer["json"])["Statement"] == [
        {
            "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": ["a", "b"],
            "Principal": {"Service": "sns.amazonaws.com"}, "Condition": {"ArnEquals": {"aws:SourceArn": "t"}},
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typ", "prop", "identity"),
    [
        ("aws:ses/emailIdentity:EmailIdentity", "email", "a@example.com"),
        ("aws:ses/domainIdentity:DomainIdentity", "domain", "example.com"),
    ],
)
def test_a_mail_identity_is_verified(cloud: Cloud, emulator: Emulator, typ: str, prop: str, identity: str) -> None:
    ses = emulator.client("ses")
    made = cloud.create(typ, "i", {prop: identity})
    assert made.outputs["arn"].endswith(f"identity/{identity}")
    assert identity in ses.list_identities()["Identities"]
    for _ in range(2):
        cloud.delete(typ, made.id, made.outputs)
    assert identity not in ses.list_identities()["Identities"]
