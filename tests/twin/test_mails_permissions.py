"""The right to send mail is checked as SES checks it: on identity and configuration set, with the addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import policies
from tests.twin.emulator.functions import make_role
from twin import mails
from twin.aws_clients import client_maker
from twin.emulator import Emulator

SENDER, BOB = "orders@shop.example", "bob@b.example"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    made = Emulator(tmp_path_factory.mktemp("emulator"), enforce_iam=True)
    made.start()
    ses = made.client("sesv2")
    for identity in (SENDER, "domain.example"):
        ses.create_email_identity(EmailIdentity=identity)
    for name in ("mails", "others"):
        ses.create_configuration_set(ConfigurationSetName=name)
    yield made
    made.stop()


def arn(emulator: Emulator, resource: str) -> str:
    return f"arn:aws:ses:{emulator.region}:{emulator.account}:{resource}"


def client(emulator: Emulator, identity: str, sender: str, only_to: str | None = None) -> Any:
    """SES as a function with the policy of the program sees it."""
    resources = [arn(emulator, f"identity/{identity}"), arn(emulator, "configuration-set/mails")]
    role = make_role(emulator, "lambda.amazonaws.com", policies.send_mail(resources, sender, only_to))
    return client_maker(emulator.role_aws(role, "lambda.amazonaws.com"))("sesv2")


def send(ses: Any, sender: str = SENDER, to: str = BOB, by: str | None = "mails") -> None:
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    named = {} if by is None else {"ConfigurationSetName": by}
    ses.send_email(FromEmailAddress=sender, Destination={"ToAddresses": [to]}, Content=content, **named)


def test_what_the_policy_allows_is_sent(emulator: Emulator) -> None:
    before = len(mails.sent(emulator.endpoint))
    send(client(emulator, SENDER, SENDER))
    send(client(emulator, "domain.example", "orders@mail.domain.example"), sender="orders@mail.domain.example")
    found = mails.sent(emulator.endpoint)[before:]
    assert [(mail.sender, mail.to, mail.subject, mail.text) for mail in found] == [
        (SENDER, (BOB,), "s", "t"),
        ("orders@mail.domain.example", (BOB,), "s", "t"),
    ]


@pytest.mark.parametrize(
    "request_",
    [{"sender": "boss@domain.example"}, {"by": "others"}, {"sender": f"Boss <{SENDER.replace('orders', 'boss')}>"}],
)
def test_another_sender_or_configuration_set_is_refused(emulator: Emulator, request_: dict[str, Any]) -> None:
    before = mails.sent(emulator.endpoint)
    with pytest.raises(ClientError, match="not authorized"):
        send(client(emulator, SENDER, SENDER), **request_)
    assert mails.sent(emulator.endpoint) == before


def test_the_domain_does_not_let_one_send_as_anybody(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="not authorized"):
        send(client(emulator, "domain.example", "orders@domain.example"), sender="boss@domain.example")


def test_while_sandboxed_the_policy_lets_nobody_else_be_written_to(emulator: Emulator) -> None:
    sandboxed = client(emulator, SENDER, SENDER, only_to="success@simulator.amazonses.com")
    send(sandboxed, to="success@simulator.amazonses.com")
    with pytest.raises(ClientError, match="not authorized"):
        send(sandboxed, to=BOB)


def test_a_configuration_set_that_does_not_exist_is_told(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="NotFoundException"):
        send(emulator.client("sesv2"), by="nowhere")


def test_no_mails_from_who_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(mails.MailError, match="Does the twin still run"):
        mails.sent("http://127.0.0.1:9")
