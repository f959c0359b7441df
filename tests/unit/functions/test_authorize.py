"""The authorizer: right credentials get in, everything else is 401, and a rotation is no outage."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.authorize import handler
from functions.authorize.credentials import RETRY_SECONDS, CredentialCheck, Credentials, parse_basic
from functions.common.errors import SecretUnreadable

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:api"
METHOD = "arn:aws:execute-api:us-east-1:000000000000:abc123/prod/POST/orders"


class FakeSecrets:
    def __init__(self, **fields: str) -> None:
        self.fields: dict[str, str] | None = fields
        self.reads = 0

    def read(self, arn: str) -> dict[str, str]:
        self.reads += 1
        if self.fields is None:
            raise SecretUnreadable("down")
        return self.fields


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secrets() -> FakeSecrets:
    return FakeSecrets(username="demo", password="pass:wörd")


@pytest.fixture
def check(secrets: FakeSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> CredentialCheck:
    check = CredentialCheck(secrets, ARN, 300, clock)
    monkeypatch.setattr(handler, "credentials", lambda: check)
    return check


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _token(header: object) -> dict[str, Any]:
    return {"type": "TOKEN", "authorizationToken": header, "methodArn": METHOD}


def _refused(event: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        handler.handle(event, None)
    assert type(caught.value) is Exception


@pytest.mark.usefixtures("check")
def test_right_credentials_may_call_every_method_of_the_stage() -> None:
    answer = handler.handle(_token(basic("demo", "pass:wörd")), None)
    assert answer["principalId"] == "demo"
    statement = answer["policyDocument"]["Statement"][0]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:000000000000:abc123/prod/*"
    assert "usageIdentifierKey" not in answer


def test_the_api_key_of_the_secret_goes_along(check: CredentialCheck, secrets: FakeSecrets) -> None:
    assert secrets.fields is not None
    secrets.fields["api_key"] = "key-of-20-characters"
    assert handler.handle(_token(basic("demo", "pass:wörd")), None)["usageIdentifierKey"] == "key-of-20-characters"


@pytest.mark.usefixtures("check")
@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_request_event_is_understood(name: str) -> None:
    event = {"type": "REQUEST", "headers": {name: basic("demo", "pass:wörd")}, "methodArn": METHOD}
    assert handler.handle(event, None)["principalId"] == "demo"


@pytest.mark.usefixtures("check")
@pytest.mark.parametrize(
    "header",
    [
        basic("demo", "pass:wörd "), basic("demo", ""), basic("", "pass:wörd"), basic("Demo", "pass:wörd"),
        "", None, 5, "Basic", "Basic ", "Bearer x", "Basic ===", "Basic é", "Basic ZGVtbw==",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Basic " + "A" * 100_000, basic("demo", "pass:wörd")[6:],
    ],
)  # fmt: skip
def test_wrong_or_malformed_credentials_are_unauthorized(header: object) -> None:
    _refused(_token(header))


@pytest.mark.usefixtures("check")
@pytest.mark.parametrize("event", [{}, {"headers": None}, {"headers": {}}, {"type": "REQUEST", "headers": []}])
def test_no_header_is_unauthorized(event: dict[str, Any]) -> None:
    _refused(event)


@given(st.text() | st.binary().map(lambda raw: "Basic " + base64.b64encode(raw).decode()))
def test_parsing_raises_nothing(header: str) -> None:
    parsed = parse_basic(header)
    assert parsed is None or isinstance(parsed, Credentials)


NO_SURROGATES = st.characters(exclude_categories=["Cs"])


@given(st.text(NO_SURROGATES).filter(lambda name: ":" not in name), st.text(NO_SURROGATES))
def test_credentials_survive_the_header(username: str, password: str) -> None:
    parsed = parse_basic(basic(username, password))
    assert parsed is not None
    assert (parsed.username, parsed.password) == (username, password)


def test_both_parts_are_compared_always_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr("functions.authorize.credentials.hmac.compare_digest", compare)
    assert not Credentials("x", "y").same(Credentials("demo", "long password"))
    assert len(compared) == 2
    assert {len(part) for pair in compared for part in pair} == {32}


def test_a_secret_is_read_once_within_its_age(check: CredentialCheck, secrets: FakeSecrets, clock: Clock) -> None:
    for _ in range(5):
        clock.now += 59
        assert check.check(Credentials("demo", "pass:wörd"))
    assert secrets.reads == 1
    clock.now += 300
    assert check.check(Credentials("demo", "pass:wörd"))
    assert secrets.reads == 2


def test_new_credentials_are_good_at_once_and_old_ones_not_for_long(
    check: CredentialCheck, secrets: FakeSecrets, clock: Clock
) -> None:
    old, new = Credentials("demo", "pass:wörd"), Credentials("demo", "new")
    assert check.check(old)
    clock.now += RETRY_SECONDS
    secrets.fields = {"username": "demo", "password": "new"}
    assert check.check(old)
    assert check.check(new)
    assert check.check(old) is None


def test_guessing_does_not_reach_secrets_manager_each_time(
    check: CredentialCheck, secrets: FakeSecrets, clock: Clock
) -> None:
    for _ in range(1000):
        clock.now += 0.01
        assert check.check(Credentials("demo", "guess")) is None
    assert secrets.reads <= 3


def test_an_outage_of_secrets_manager_is_bridged_for_one_age_only(
    check: CredentialCheck, secrets: FakeSecrets, clock: Clock
) -> None:
    right = Credentials("demo", "pass:wörd")
    assert check.check(right)
    secrets.fields = None
    clock.now += 599
    assert check.check(right)
    clock.now += 2
    with pytest.raises(SecretUnreadable):
        check.check(right)


def test_credentials_are_in_no_repr() -> None:
    assert "geheim" not in repr(Credentials("demo", "geheim"))
