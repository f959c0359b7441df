"""Secrets: their fields, and errors that never hold them."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.stub import Stubber

from functions.common.errors import SecretUnreadable
from functions.common.secret_store import LONGEST_CALL_S, SecretStore, field

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:x"
WRITTEN = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)


@pytest.fixture
def aws() -> Iterator[tuple[SecretStore, Stubber]]:
    client = botocore.session.Session().create_client(
        "secretsmanager", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stub:
        yield SecretStore(client), stub
        stub.assert_no_pending_responses()


def test_fields_are_text(aws: tuple[SecretStore, Stubber]) -> None:
    store, stub = aws
    stub.add_response(
        "get_secret_value",
        {"SecretString": '{"username": "u", "port": 5432}', "CreatedDate": WRITTEN},
        {"SecretId": ARN, "VersionStage": "AWSCURRENT"},
    )
    assert store.read(ARN) == {"username": "u", "port": "5432"}


def test_a_version_says_when_it_was_written_and_holds_its_value_back(aws: tuple[SecretStore, Stubber]) -> None:
    store, stub = aws
    stub.add_response(
        "get_secret_value",
        {"SecretString": '{"password": "geheim"}', "CreatedDate": WRITTEN},
        {"SecretId": ARN, "VersionStage": "AWSPREVIOUS"},
    )
    version = store.version(ARN, "AWSPREVIOUS")
    assert version is not None
    assert (version.fields, version.written_at) == ({"password": "geheim"}, WRITTEN.timestamp())
    assert "geheim" not in repr(version)


def test_a_secret_never_rotated_has_no_previous_version(aws: tuple[SecretStore, Stubber]) -> None:
    store, stub = aws
    stub.add_client_error("get_secret_value", "ResourceNotFoundException")
    stub.add_response("describe_secret", {"ARN": ARN})
    assert store.version(ARN, "AWSPREVIOUS") is None


def test_a_call_ends_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = SecretStore()._connected().meta.config
    tries = config.retries["total_max_attempts"]
    assert tries * (config.connect_timeout + config.read_timeout) < LONGEST_CALL_S <= 7


@pytest.mark.parametrize("value", ["geheim", '["geheim"]', '"geheim"', '{"password": geheim}'])
def test_a_secret_of_another_shape_is_not_quoted(aws: tuple[SecretStore, Stubber], value: str) -> None:
    store, stub = aws
    stub.add_response("get_secret_value", {"SecretString": value})
    with pytest.raises(SecretUnreadable) as caught:
        store.read(ARN)
    assert "geheim" not in "".join(traceback.format_exception(caught.value))


def test_a_secret_without_a_value_is_none_and_a_missing_one_an_error(aws: tuple[SecretStore, Stubber]) -> None:
    store, stub = aws
    stub.add_client_error("get_secret_value", "ResourceNotFoundException")
    stub.add_response("describe_secret", {"ARN": ARN})
    assert store.find(ARN) is None
    stub.add_client_error("get_secret_value", "ResourceNotFoundException")
    stub.add_client_error("describe_secret", "ResourceNotFoundException")
    with pytest.raises(SecretUnreadable, match="ResourceNotFoundException"):
        store.find(ARN)


def test_a_denied_read_names_the_secret_and_the_reason(aws: tuple[SecretStore, Stubber]) -> None:
    store, stub = aws
    stub.add_client_error("get_secret_value", "AccessDeniedException")
    with pytest.raises(SecretUnreadable, match=f"{ARN}.*AccessDeniedException"):
        store.find(ARN)


def test_a_secret_is_written_as_json(aws: tuple[SecretStore, Stubber]) -> None:
    store, stub = aws
    fields: dict[str, str | int] = {"username": "cdc", "port": 5432}
    stub.add_response("put_secret_value", {}, {"SecretId": ARN, "SecretString": json.dumps(fields)})
    store.write(ARN, fields)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(SecretUnreadable, match="password"):
        field({"username": "u", "password": ""}, "password", ARN)
