"""Configuration: every mistake is found, all at once, before any resource exists."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from infra.config import Config, load, read
from infra.errors import ConfigError
from infra.names import Names
from tests.infra.graph import ROOT, settings_of

NAMES = Names("orders", "dev", "eu-central-1")
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def problems(names: Names = NAMES, /, **values: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load({"region": "eu-central-1", **values}, names)
    return caught.value.problems


def test_defaults_are_sound() -> None:
    assert load({"region": "eu-central-1"}, NAMES).database_max_acu == 4


def test_schema_and_model_have_the_same_keys_types_and_defaults() -> None:
    kinds: dict[Any, str] = {bool: "boolean", int: "integer", list[str]: "array"}
    fields = {field.alias: field for field in Config.model_fields.values()}
    assert list(PROJECT["config"]) == list(fields)
    for key, schema in PROJECT["config"].items():
        field = fields[key]
        assert schema["description"], key
        assert schema["type"] == kinds.get(field.annotation, "string"), key
        if field.is_required():
            # Without a default Pulumi would ask for it before the program can say what is wrong.
            assert schema["default"] == "", key
        else:
            # An optional text has an empty default, as Pulumi knows no other way to leave a key out.
            expected = "" if field.default is None else field.default
            # Pulumi has no type for numbers with a fraction.
            assert schema["default"] == (f"{expected:g}" if field.annotation is float else expected), key


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_stack_files_are_sound_and_name_known_keys_only(stack: str) -> None:
    values = {key.removeprefix("orders:"): value for key, value in settings_of(stack).items()}
    load(values, Names("orders", stack, values["region"]))


def test_all_mistakes_at_once() -> None:
    found = problems(
        Names("orders", "Dev_1", "eu-central-1"),
        zones="7",
        databaseMinAcu="8",
        databaseMaxAcu="2",
        logRetentionDays="6",
        typo="1",
        cacheMultiAz="true",
    )
    assert len(found) == 6
    for part in ("'Dev_1'", "orders:zones is '7'", "orders:databaseMinAcu is above", "orders:logRetentionDays is '6'"):
        assert any(part in each for each in found), part
    assert any("orders:typo is no key" in each for each in found)
    assert any("orders:cacheMultiAz needs" in each for each in found)


def test_a_wrong_value_is_not_blamed_twice() -> None:
    # The default of the other key would be fine, and this one is wrong by itself.
    assert len(problems(databaseMinAcu="many", databaseMaxAcu="1")) == 1


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"databaseMinAcu": "4", "databaseMaxAcu": "2"}, "databaseMinAcu is above"),
        ({"databaseSslMode": "disable"}, "databaseAuth iam needs TLS"),
        ({"databaseSslMode": "verify-full"}, "needs orders:databaseSslRootCert"),
        ({"databaseSslRootCert": "bundle.pem"}, "has no effect"),
        ({"cacheMultiAz": "true"}, "cacheNodes of 2 or more"),
        ({"cacheTls": "false"}, "cacheAuth iam needs"),
        ({"pipeMaxAgeSeconds": "172800"}, "longer than orders:streamRetentionHours"),
        ({"consumerBatchSize": "100"}, "consumerWindowSeconds of 1 or more"),
        ({"readWaitMs": "9500"}, "less than a second"),
        ({"availabilityZones": ["eu-central-1a"]}, "as many different zones"),
        ({"availabilityZones": ["us-east-1a", "us-east-1b"]}, "outside orders:region"),
        ({"placeOrderConcurrency": "804"}, "more connections than the database has"),
        ({"placeOrderConcurrency": "402", "administerConcurrency": "402"}, "more connections than the database has"),
    ],
)
def test_impossible_pairs(values: dict[str, Any], part: str) -> None:
    assert [each for each in problems(**values) if part in each]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("region", "Frankfurt"),
        ("flowLogs", "some"),
        ("account", "12345"),
        ("vpcCidr", "10.0.0.0/8"),
        ("vpcCidr", "10.0.0.0/23"),
        ("vpcCidr", "8.8.0.0/16"),
        ("vpcCidr", "10.0.0.1/16"),
        ("zones", "1"),
        ("databaseMinAcu", "0"),
        ("databaseMinAcu", "0.7"),
        ("databaseBackupDays", "0"),
        ("secretRecoveryDays", "3"),
        ("streamRetentionHours", "12"),
        ("pipeBatchSize", "11"),
        ("pipeRetries", "-1"),
        ("consumerConcurrency", "1"),
        ("consumerTimeout", "901"),
        ("cacheNodeType", "t4g.micro"),
        ("architecture", "arm"),
        ("runtime", "python3.9"),
        ("apiTimeout", "30"),
        ("apiUser", "with:colon"),
        ("alarmEmail", "nobody"),
    ],
)
def test_wrong_values(key: str, value: str) -> None:
    assert [each for each in problems(NAMES, **{key: value}) if each.startswith(f"orders:{key} is {value!r}: ")]


def test_region_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="pulumi config set orders:region"):
        load({}, NAMES)


def reading(monkeypatch: pytest.MonkeyPatch, project: str, values: dict[str, str]) -> tuple[Config, Names]:
    """Read the configuration as the engine hands it over."""
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
    pulumi.runtime.set_all_config({})

    class NoResources(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            raise AssertionError(args.name)

        def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
            raise AssertionError(args.token)

    mocks.set_mocks(NoResources(), project=project, stack="dev")
    return read(ROOT)


def test_read_takes_lists_and_leaves_empty_texts_out(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = ["eu-central-1a", "eu-central-1b"]
    values = {"orders:region": "eu-central-1", "orders:owner": "", "orders:availabilityZones": json.dumps(zones)}
    config, names = reading(monkeypatch, "orders", {**values, "aws:region": "us-east-1"})
    assert (config.owner, config.availability_zones, names.prefix) == (None, zones, "orders-dev")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"orders:region": "eu-central-1", "orders:zone": "2"}, "orders:zone is no key"),
        ({"orders:region": "eu-central-1", "orders:availabilityZones": "a,b"}, "orders:availabilityZones is 'a,b'"),
    ],
)
def test_read_finds_mistakes(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reading(monkeypatch, "orders", values)


def test_a_renamed_project_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"'shop'.*start with 'orders': write shop:"):
        reading(monkeypatch, "shop", {"orders:region": "eu-central-1"})
