"""The authorizer: right credentials get in, everything else is 401, whatever it is written like."""

from __future__ import annotations

import base64
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from functions.authorize import handler
from functions.authorize.check import CredentialCheck
from functions.authorize.credentials import MAX_HEADER, Credentials, parse_basic
from functions.common.errors import SecretUnreadable
from functions.common.secret_store import SecretVersion
from infra.problems import gateway_responses

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:api"
STAGE = "arn:aws:execute-api:us-east-1:000000000000:abc123/prod"
METHOD = f"{STAGE}/POST/orders"
PASSWORD = "pass:wörd"


class FakeSecrets:
    def __init__(self, **fields: str) -> None:
        self.fields = fields

    def version(self, arn: str, stage: str = "AWSCURRENT") -> SecretVersion | None:
        return SecretVersion(self.fields, 0.0) if stage == "AWSCURRENT" else None


@pytest.fixture
def secrets() -> FakeSecrets:
    return FakeSecrets(username="demo", password=PASSWORD)


@pytest.fixture(autouse=True)
def check(secrets: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> CredentialCheck:
    check = CredentialCheck(secrets, ARN, 300, 0)
    monkeypatch.setattr(handler, "credentials", lambda: check)
    return check


def basic(username: str, password: str) -> str:
    return encoded(f"{username}:{password}".encode())


def encoded(raw: bytes) -> str:
    return "Basic " + base64.b64encode(raw).decode()


RIGHT = basic("demo", PASSWORD)


def _token(header: object, method: object = METHOD) -> dict[str, Any]:
    return {"type": "TOKEN", "authorizationToken": header, "methodArn": method}


def _request(**event: object) -> dict[str, Any]:
    return {"type": "REQUEST", "methodArn": METHOD, **event}


def _refused(event: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        handler.handle(event, None)
    # Any other exception is a 500, and so is one of this name with another text.
    assert type(caught.value) is Exception


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["", "/", "/orders", "/clients/1/orders", "/a//b/../*?x=1"])
def test_right_credentials_may_call_every_method_of_the_stage(method: str, path: str) -> None:
    answer = handler.handle(_token(RIGHT, f"{STAGE}/{method}{path}"), None)
    assert answer == {
        "principalId": "demo",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{STAGE}/*"}],
        },
    }


@pytest.mark.parametrize(
    "arn",
    [
        None, 5, "", "*", "arn:aws:execute-api:us-east-1:000000000000:abc123", f"{STAGE}", f"{STAGE}/",
        "arn:aws:execute-api:us-east-1:000000000000:abc123/*/GET/x", "arn:aws:execute-api:us-east-1:*:abc123/prod/GET/",
        "arn:aws:execute-api:us-east-1:000000000000:*/prod/GET/x", "arn:aws:execute-api:*:000000000000:abc/prod/GET/x",
        "arn:aws:execute-api:us-east-1:000000000000:abc123/pr?d/GET/x", f"x{METHOD}", "arn:aws:s3:::bucket/prod/GET/x",
    ],
)  # fmt: skip
def test_no_policy_is_made_for_anything_but_one_stage(arn: object) -> None:
    _refused(_token(RIGHT, arn))


ARN_PARTS = st.text(st.sampled_from("abcPROD19:/*?-_.\n é"), max_size=12)
NAMED = st.text(st.sampled_from("abcXYZ019"), min_size=1, max_size=8)


@given(ARN_PARTS | NAMED, ARN_PARTS | st.tuples(NAMED, NAMED).map("/POST/".join))
@example("abc", "prod/GET/x")
def test_a_policy_never_reaches_beyond_its_stage(api: str, rest: str) -> None:
    prefix = "arn:aws:execute-api:us-east-1:000000000000:"
    try:
        answer = handler.handle(_token(RIGHT, f"{prefix}{api}/{rest}"), None)
    except Exception as error:  # noqa: BLE001 - "Unauthorized" is one
        assert str(error) == "Unauthorized"  # noqa: PT017
        return
    [statement] = answer["policyDocument"]["Statement"]
    found_api, stage, wildcard = statement["Resource"].removeprefix(prefix).split("/")
    assert f"{api}/{rest}".startswith(f"{found_api}/{stage}/")
    assert (found_api + stage).replace("-", "").replace("_", "").isalnum()
    assert wildcard == "*"


def test_the_api_key_of_the_secret_goes_along(secrets: FakeSecrets) -> None:
    secrets.fields["api_key"] = "key-of-20-characters"
    assert handler.handle(_token(RIGHT), None)["usageIdentifierKey"] == "key-of-20-characters"


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc", "Basic  ", " Basic", "\tBasic"])
def test_the_scheme_may_be_in_any_case_and_have_spaces_around_it(scheme: str) -> None:
    assert handler.handle(_token(f"{scheme} {RIGHT.removeprefix('Basic ')} "), None)["principalId"] == "demo"


@pytest.mark.parametrize(
    "event",
    [
        {"headers": {"Authorization": RIGHT}},
        {"headers": {"authorization": RIGHT}, "multiValueHeaders": None},
        {"headers": {"AUTHORIZATION": RIGHT}, "multiValueHeaders": {"AUTHORIZATION": [RIGHT]}},
    ],
)
def test_a_request_event_is_understood(event: dict[str, Any]) -> None:
    assert handler.handle(_request(**event), None)["principalId"] == "demo"


WRONG = basic("demo", "wrong")


@pytest.mark.parametrize(
    "event",
    [
        {}, {"headers": None}, {"headers": {}}, {"headers": []}, {"headers": "Authorization"},
        {"headers": {"Authorization": [RIGHT, WRONG]}}, {"headers": {"Authorization": None}},
        {"headers": {"Authorization": RIGHT, "authorization": WRONG}},
        {"headers": {"Authorization": WRONG, "authorization": RIGHT}},
        {"headers": {"Authorization": RIGHT}, "multiValueHeaders": {"Authorization": [RIGHT, WRONG]}},
        {"headers": {"Authorization": RIGHT}, "multiValueHeaders": {"Authorization": [WRONG, RIGHT]}},
        {"headers": {"Authorization": RIGHT}, "multiValueHeaders": {"Authorization": []}, "authorizationToken": WRONG},
        {"headers": {"Proxy-Authorization": RIGHT}},
    ],
)  # fmt: skip
def test_no_header_or_several_are_unauthorized(event: dict[str, Any]) -> None:
    _refused(_request(**event))


@pytest.mark.parametrize(
    "header",
    [
        # other credentials
        basic("demo", PASSWORD + " "), basic("demo", " " + PASSWORD), basic("demo", ""), basic("", PASSWORD),
        basic("", ""), basic("Demo", PASSWORD), basic("demo", PASSWORD.upper()), basic("demo:" + PASSWORD, ""),
        basic(PASSWORD, "demo"), basic("demo", PASSWORD + ":"), basic("demo ", PASSWORD), encoded(b"demo"),
        basic("demo", PASSWORD[:-1]), encoded(b":"), encoded(b""), basic("demo", "*"), basic("*", "*"),
        # the same to the eye or after normalising
        basic("demo", unicodedata.normalize("NFD", PASSWORD)), basic("\uff44\uff45\uff4d\uff4f", PASSWORD),
        basic("demo", PASSWORD + "\u200b"), basic("d\u0435mo", PASSWORD), basic("demo\u00ad", PASSWORD),
        # NUL and other control characters, other encodings
        basic("demo\0", PASSWORD), basic("demo", PASSWORD + "\0"), basic("demo", PASSWORD + "\n"),
        encoded(f"demo:{PASSWORD}".encode("latin-1")), encoded(f"demo:{PASSWORD}".encode("utf-16")),
        encoded(b"\xef\xbb\xbf" + f"demo:{PASSWORD}".encode()), encoded(b"\xff:\xff"),
        "Basic " + base64.urlsafe_b64encode(b"demo:???>>>").decode(), basic("demo", "???>>>"),
        # not well-formed
        "", " ", None, 5, True, b"Basic", [], {}, [RIGHT], "Basic", "Basic ", "Basic =", "Basic ===", "Basic é",
        "Basic ZGVtbw", "Basic ZGVtbw=", RIGHT[6:], "Basic" + RIGHT[6:], "Basic\t" + RIGHT[6:], "Basic\n" + RIGHT[6:],
        "Basic\u00a0" + RIGHT[6:], "Basic\u2003" + RIGHT[6:], RIGHT + "=", RIGHT + ",", f"{RIGHT}, {RIGHT}", RIGHT * 2,
        RIGHT + "\0", "\0" + RIGHT, RIGHT + "\n", "\u00a0" + RIGHT, RIGHT + "\u2003",
        RIGHT + "\r\nX-Other: 1", RIGHT.replace("Basic", "B\u0430sic"),
        RIGHT.replace("Basic", "Bas\u0131c"), "Bearer " + RIGHT[6:], "Digest " + RIGHT[6:], "Basic Basic " + RIGHT[6:],
        # very long
        "Basic " + "A" * 100_000, "Basic " + " " * MAX_HEADER + RIGHT[6:], basic("demo" * 1000, PASSWORD),
    ],
)  # fmt: skip
def test_whatever_is_not_right_is_unauthorized(header: object) -> None:
    _refused(_token(header))


ANY = st.text() | st.binary().map(encoded) | st.text().map(lambda text: f"Basic {text}") | st.none() | st.integers()


@given(ANY)
def test_parsing_raises_nothing(header: object) -> None:
    parsed = parse_basic(header)
    assert parsed is None or isinstance(parsed, Credentials)


@given(ANY | st.tuples(st.text(), st.text()).map(lambda pair: basic(pair[0].encode().decode(), pair[1])))
def test_nobody_else_gets_in(header: object) -> None:
    assume(header != RIGHT)
    _refused(_token(header))


@pytest.mark.parametrize("raw", [b"demo", b"", b"a\0:b", b"a:b\0", b"a:\x1f", b"a\x7f:b", b"a:b\r\n", b"\xc3\x28:b"])
def test_what_rfc_7617_allows_in_no_credentials_is_no_credentials(raw: bytes) -> None:
    assert parse_basic(encoded(raw)) is None


PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=100)


@given(PRINTABLE.filter(lambda name: ":" not in name), PRINTABLE)
def test_credentials_survive_the_header(username: str, password: str) -> None:
    parsed = parse_basic(basic(username, password))
    assert parsed is not None
    assert (parsed.username, parsed.password) == (username, password)


@given(PRINTABLE, PRINTABLE, PRINTABLE, PRINTABLE)
def test_only_equal_credentials_are_the_same(name: str, password: str, other_name: str, other_password: str) -> None:
    one, other = Credentials(name, password), Credentials(other_name, other_password)
    assert one.same(other) == ((name, password) == (other_name, other_password))
    assert one.same(Credentials(name, password))
    # What is cut at another place is something else.
    assert not Credentials(name + "x", password).same(Credentials(name, "x" + password))


def test_both_parts_are_compared_always_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr("functions.authorize.credentials.hmac.compare_digest", compare)
    assert not Credentials("x", "y").same(Credentials("demo", "long password"))
    assert len(compared) == 2
    assert {len(part) for pair in compared for part in pair} == {32}


def test_a_401_of_the_api_asks_for_credentials() -> None:
    [response] = [response for response in gateway_responses("orders") if response.kind == "UNAUTHORIZED"]
    assert response.status == 401
    asked = response.parameters["gatewayresponse.header.WWW-Authenticate"]
    assert asked == '\'Basic realm="orders", charset="UTF-8"\''
    assert json.loads(response.template.replace("$context.error.messageString", '""'))["status"] == 401


def test_credentials_are_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    assert "geheim" not in repr(Credentials("demo", "geheim"))
    _refused(_token(basic("demo", "geheim")))
    handler.handle(_token(RIGHT), None)
    printed = repr([vars(record) for record in caplog.records])
    assert [record.message for record in caplog.records] == ["refused", "allowed"]
    for secret in ("geheim", base64.b64encode(b"demo:geheim").decode(), PASSWORD, RIGHT[6:]):
        assert secret not in printed


def test_a_secret_without_a_password_lets_nobody_in(secrets: FakeSecrets) -> None:
    secrets.fields = {"username": "demo", "password": ""}
    with pytest.raises(SecretUnreadable, match="password"):
        handler.handle(_token(basic("demo", "")), None)
