"""What DMS would refuse, or the twin does not do, is refused with its place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from infra.mappings import table_mappings, task_settings
from tests.twin.capture.documents import MAPPINGS, spec_document
from twin.capture.errors import SpecError
from twin.capture.mappings import parse_mappings, wildcard
from twin.capture.spec import parse_spec


def test_the_task_of_the_program_is_taken() -> None:
    spec = parse_spec(
        spec_document(
            table_mappings=json.loads(table_mappings("public", "outbox", "aggregate_id")),
            settings=json.loads(task_settings()),
        )
    )
    assert spec.table_mappings.selects("public", "outbox")
    assert not spec.table_mappings.selects("public", "orders")
    assert spec.settings.error_behavior.data_error_policy == "STOP_TASK"
    assert spec.settings.lob_limit_kb is None


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("migration_type", "full-load", "migration_type"),
        ("migration_type", "replicate", "migration_type"),
        ("settings", {"TargetMetadata": {"FullLobMode": True}}, "FullLobMode"),
        ("settings", {"TargetMetadata": {"BatchApplyEnabled": True}}, "BatchApplyEnabled"),
        ("settings", {"TargetMetadata": {"SupportLobs": True}}, "SupportLobs needs"),
        ("settings", {"TargetMetadata": {"SupportLobs": "true"}}, "SupportLobs"),
        ("settings", {"TargetMetadata": {"ParallelApplyThreads": 33}}, "ParallelApplyThreads"),
        ("settings", {"TargetMetadata": {"Unknown": 1}}, "Unknown"),
        ("settings", {"Unknown": {}}, "no group of task settings called Unknown"),
        ("settings", {"StreamBufferSettings": {"StreamBuffers": 3}}, r"no setting StreamBufferSettings\.StreamBuffers"),
        ("settings", {"Logging": {"CloudWatchLogGroup": None}}, "CloudWatchLogGroup belongs to DMS"),
        ("settings", {"ErrorBehavior": {"DataErrorPolicy": "PANIC"}}, "DataErrorPolicy"),
        ("settings", {"ValidationSettings": {"EnableValidation": True}}, "EnableValidation"),
        ("settings", {"FullLoadSettings": {"StopTaskCachedChangesApplied": True}}, "StopTaskCachedChanges"),
        ("source__postgres_settings", {}, "capture_ddls must be false"),
        ("source__postgres_settings__plugin_name", "pglogical", "plugin_name"),
        ("source__postgres_settings__slot_name", "mine", "slot_name"),
        ("source__ssl_mode", "prefer", "ssl_mode"),
        ("target__kinesis_settings__message_format", "JSON", "message_format"),
        ("target__kinesis_settings__include_control_details", True, "no control records"),
        ("target__stream_arn", "events", "stream_arn"),
        ("surprise", 1, "surprise"),
    ],
)
def test_refusals(path: str, value: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_spec(spec_document(**{path: value}))


def test_secrets_are_in_no_message() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(spec_document(source__password=["hush"], aws__secret_access_key=["hush"]))
    assert "hush" not in str(caught.value)


def test_null_groups_of_settings_have_the_defaults_of_dms() -> None:
    settings = parse_spec(spec_document(settings={"BeforeImageSettings": None, "ErrorBehavior": None})).settings
    assert settings.error_behavior.table_error_policy == "SUSPEND_TABLE"
    assert settings.lob_limit_kb == 32


def test_the_slot_is_named_after_the_task_and_the_database() -> None:
    name = parse_spec(spec_document(resource_identifier="Orders-Capture")).slot_name
    assert name == parse_spec(spec_document(resource_identifier="Orders-Capture")).slot_name
    assert name.startswith("orders_capture_")
    assert len(parse_spec(spec_document(resource_identifier="x" * 200)).slot_name) == 63
    assert name != parse_spec(spec_document(resource_identifier="Orders-Capture", source__database="two")).slot_name


def change(**changes: Any) -> dict[str, Any]:
    mappings: dict[str, Any] = copy.deepcopy(MAPPINGS)
    for path, value in changes.items():
        rule, *parts, last = path.split("__")
        place = mappings["rules"][int(rule[-1])]
        for part in parts:
            place = place[part.replace("_", "-")]
        place[last.replace("_", "-")] = value
    return mappings


@pytest.mark.parametrize(
    ("mappings", "words"),
    [
        (change(rule0__rule_action="drop"), "Rule '1' .*rule-action"),
        (change(rule0__filters=[{"filter-type": "source"}]), "Rule '1' .*filters"),
        (change(rule0__rule_type="transformation"), "Rule '1' .*'transformation' is not supported"),
        (change(rule0__rule_action="exclude"), "include no table"),
        (change(rule1__rule_type="table-settings"), "Rule '2' .*'table-settings' is not supported"),
        (change(rule1__rule_action="map-record-to-document"), "Rule '2' .*map-record-to-record"),
        (change(rule1__rule_id="1"), "rule-id 1"),
        (change(rule1__rule_id="two"), "Rule 'two' .*rule-id"),
        (change(rule1__mapping_parameters__partition_key_type="transaction-id"), "Rule '2'"),
        (change(rule1__mapping_parameters={"partition-key-type": "attribute-name"}), "Rule '2' .*partition-key-name"),
        (change(rule1__mapping_parameters={"partition-key-type": "constant"}), "Rule '2' .*partition-key"),
        (change(rule1__mapping_parameters={"sort-key": "x"}), "Rule '2' .*sort-key"),
        ({"rules": "all"}, "a list"),
        ([], "rules"),
    ],
)
def test_mappings_are_refused_by_rule(mappings: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_mappings(mappings)


def test_two_object_mappings_of_one_table_are_refused() -> None:
    rules = [*MAPPINGS["rules"], {**MAPPINGS["rules"][1], "rule-id": "3", "rule-name": "3"}]
    with pytest.raises(SpecError, match="2, 3"):
        parse_mappings({"rules": rules}).mapping("public", "outbox")


def test_exclusion_wins_over_inclusion() -> None:
    def rule(number: int, action: str, table: str) -> dict[str, Any]:
        locator = {"schema-name": "pub%", "table-name": table}
        names = {"rule-id": str(number), "rule-name": str(number)}
        return {"rule-type": "selection", "object-locator": locator, "rule-action": action, **names}

    mappings = parse_mappings({"rules": [rule(1, "include", "%"), rule(2, "exclude", "o%s")]})
    assert [mappings.selects("public", table) for table in ("outbox", "orders", "os")] == [True, False, False]
    assert not mappings.selects("other", "outbox")


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("out%", "outbox", True),
        ("out%", "Outbox", False),
        ("o_tbox", "outbox", True),
        ("o[_]tbox", "outbox", False),
        ("o[_]tbox", "o_tbox", True),
        ("[a-d]x", "cx", True),
        ("[a-d]x", "ex", False),
        ("a.c", "abc", False),
        ("%", "line\nend", True),
    ],
)
def test_wildcards(pattern: str, name: str, matches: bool) -> None:
    assert bool(wildcard(pattern).fullmatch(name)) is matches
