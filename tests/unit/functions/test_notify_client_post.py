"""What SES is handed, checked against its API model by botocore, and what becomes of its refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.session import Session
from botocore.stub import Stubber

from functions.common.errors import SettingsError
from functions.common.settings import Environment
from functions.notify_client.errors import MailRefused, NotifyError, PostUnavailable
from functions.notify_client.letter import Letter
from functions.notify_client.post import Post
from functions.notify_client.settings import MailSettings

LETTER = Letter("Your order 7", "Grüße", "<p>Grüße</p>")
ENVIRONMENT = {
    "MAIL_SENDER": "orders@shop.example", "MAIL_CONFIGURATION_SET": "orders-dev-mails", "MAIL_SANDBOX": "false",
    "MAIL_MAX_AGE_HOURS": "72", "MAIL_LEDGER": "orders-dev-mails",
}  # fmt: skip
SANDBOX = {"MAIL_SANDBOX": "true", "MAIL_SANDBOX_RECIPIENT": "success@simulator.amazonses.com"}


def settings(**changes: str) -> MailSettings:
    return MailSettings.read(Environment({**ENVIRONMENT, **changes}))


@pytest.fixture
def ses() -> Any:
    session = Session()
    session.set_credentials("key", "secret")
    return session.create_client("sesv2", region_name="eu-central-1")


@pytest.fixture
def stub(ses: Any) -> Iterator[Stubber]:
    with Stubber(ses) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def send(ses: Any, event_id: str = "28df7e23-98a3") -> str:
    return Post(settings(), ses).send(LETTER, to="bob@b.example", event_id=event_id)


def expected(event_tag: str = "28df7e23-98a3") -> dict[str, Any]:
    def part(text: str) -> dict[str, str]:
        return {"Data": text, "Charset": "UTF-8"}

    body = {"Text": part("Grüße"), "Html": part("<p>Grüße</p>")}
    headers = [{"Name": "Auto-Submitted", "Value": "auto-generated"}]
    return {
        "FromEmailAddress": "orders@shop.example",
        "Destination": {"ToAddresses": ["bob@b.example"]},
        "Content": {"Simple": {"Subject": part("Your order 7"), "Body": body, "Headers": headers}},
        "ConfigurationSetName": "orders-dev-mails",
        "EmailTags": [{"Name": "event_id", "Value": event_tag}],
    }


def test_a_mail_is_handed_in_whole(ses: Any, stub: Stubber) -> None:
    stub.add_response("send_email", {"MessageId": "m-1"}, expected())
    assert send(ses) == "m-1"


def test_an_event_id_of_any_form_fits_into_a_tag(ses: Any, stub: Stubber) -> None:
    stub.add_response("send_email", {"MessageId": "m-1"}, expected("a_b_" + "c" * 252))
    send(ses, "a b/" + "c" * 300)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MessageRejected", MailRefused), ("BadRequestException", MailRefused),
        ("TooManyRequestsException", PostUnavailable), ("LimitExceededException", PostUnavailable),
        ("ThrottlingException", PostUnavailable), ("SendingPausedException", PostUnavailable),
        ("AccountSuspendedException", PostUnavailable), ("MailFromDomainNotVerifiedException", PostUnavailable),
        ("NotFoundException", PostUnavailable), ("AccessDeniedException", PostUnavailable),
        ("InternalServiceErrorException", PostUnavailable),
    ],
)  # fmt: skip
def test_a_refusal_is_told_by_what_it_is_about(ses: Any, stub: Stubber, code: str, kind: type[NotifyError]) -> None:
    stub.add_client_error("send_email", code, "Email address is not verified: bob@b.example", 400)
    with pytest.raises(kind, match=code) as caught:
        send(ses)
    # The message goes to the log; what SES says holds addresses.
    assert "bob" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url="https://email"), ReadTimeoutError(endpoint_url="https://email")]
)
def test_no_answer_is_no_refusal(error: Exception) -> None:
    class Silent:
        def send_email(self, **request: Any) -> None:
            raise error

    with pytest.raises(PostUnavailable, match=type(error).__name__):
        send(Silent())


def test_while_sandboxed_one_address_gets_all() -> None:
    post = Post(settings(**SANDBOX), object())  # type: ignore[arg-type]
    for address in ("bob@b.example", "no address at all"):
        assert post.recipient(address) == "success@simulator.amazonses.com"


def test_outside_the_sandbox_the_client_gets_it() -> None:
    post = Post(settings(), object())  # type: ignore[arg-type]
    assert post.recipient("bob@b.example") == "bob@b.example"
    assert post.recipient("no address at all") is None


@pytest.mark.parametrize("changes", [{"MAIL_SANDBOX": ""}, {"MAIL_SANDBOX": "no"}, {"MAIL_SANDBOX": "true"}])
def test_a_lost_switch_sends_to_nobody(changes: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="MAIL_SANDBOX"):
        settings(**changes)


@pytest.mark.parametrize("hours", ["1", "72", "720"])
def test_a_record_outlives_the_age_of_mails(hours: str) -> None:
    read = settings(MAIL_MAX_AGE_HOURS=hours)
    assert read.max_age_s == int(hours) * 3600
    assert read.keep_s > read.max_age_s
