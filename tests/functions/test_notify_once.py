"""One mail for each order, whatever is delivered how often: the function with its ledger in the emulator's DynamoDB."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.common.settings import Environment
from functions.notify_client import handler
from functions.notify_client.ledger import Ledger
from functions.notify_client.post import Post
from functions.notify_client.settings import MailSettings
from tests.functions.samples import batch, failed, message, order_placed
from tests.twin.waiting import until
from twin.emulator import Emulator

HOURS = 72


@dataclass
class Ses:
    """Stands in for SES: keeps what it took, and before or after that does as it is told."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def send_email(self, **request: Any) -> dict[str, str]:
        self.before()
        self.taken.append(request)
        self.after()
        return {"MessageId": f"m-{len(self.taken)}"}

    def events(self) -> list[str]:
        """Ids of the events that mails were sent for."""
        return [mail["EmailTags"][0]["Value"] for mail in self.taken]


@dataclass
class Context:
    """Lambda's context: `left` milliseconds at each look, the last of them for ever."""

    left: list[int] = field(default_factory=lambda: [30_000])

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@dataclass
class Notifier:
    """The function with its surroundings."""

    ses: Ses
    table: Any
    settings: MailSettings

    def deliver(self, *bodies: str, context: Context | None = None) -> set[str]:
        """Hand a batch to Lambda's entry and give the ids of the messages that failed."""
        return failed(handler.handle(batch(*bodies), context or Context()))

    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.table.scan(TableName=self.settings.ledger_table)["Items"]
        return found


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    made = Emulator(tmp_path_factory.mktemp("emulator"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def notifier(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    settings = MailSettings.read(
        Environment(
            {
                "MAIL_SENDER": "orders@shop.example", "MAIL_CONFIGURATION_SET": "mails", "MAIL_SANDBOX": "false",
                "MAIL_MAX_AGE_HOURS": str(HOURS), "MAIL_LEDGER": f"mails-{secrets.token_hex(4)}",
            }
        )
    )  # fmt: skip
    table = emulator.client("dynamodb")
    table.create_table(
        TableName=settings.ledger_table, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    made = Notifier(Ses(), table, settings)
    use(made, monkeypatch, table)
    return made


def use(notifier: Notifier, monkeypatch: pytest.MonkeyPatch, table: Any, name: str | None = None) -> None:
    """Let the function work with these clients."""
    settings, post = notifier.settings, Post(notifier.settings, notifier.ses)  # type: ignore[arg-type]
    ledger = Ledger(name or settings.ledger_table, settings.keep_s, table)
    monkeypatch.setattr(handler, "mailing", lambda: (settings, post, ledger))


def event(number: int = 1, age_s: float = 1, **changes: Any) -> dict[str, Any]:
    """An order that was placed so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    return order_placed(number, **changes, time=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def refuse(code: str) -> Callable[[], None]:
    def answer() -> None:
        raise ClientError({"Error": {"Code": code, "Message": "bob@anemailprovider.com"}}, "SendEmail")

    return answer


def test_an_order_is_mailed_about_once_however_often_it_is_delivered(notifier: Notifier) -> None:
    one, two = message(event(1)), message(event(2))
    assert notifier.deliver(one, one, two) == set()
    assert notifier.deliver(two, one) == set()
    # A full load brings the same row as another operation.
    assert notifier.deliver(message(event(1), operation="load")) == set()
    assert notifier.ses.events() == [event(1)["id"], event(2)["id"]]


def test_the_mail_goes_to_the_client_of_the_order(notifier: Notifier) -> None:
    notifier.deliver(message(event(1, id_order=41)))
    (mail,) = notifier.ses.taken
    assert mail["Destination"] == {"ToAddresses": ["bob@anemailprovider.com"]}
    assert mail["Content"]["Simple"]["Subject"]["Data"] == "Your order 41"


def test_damaged_and_unknown_messages_fail_alone(notifier: Notifier) -> None:
    unknown = {**event(3), "type": "orders.OrderShipped.v1"}
    bodies = [message(event(1)), "{", message(unknown), message(event(2), operation="update"), message(event(4))]
    assert notifier.deliver(*bodies) == {"m1", "m2", "m3"}
    assert notifier.ses.events() == [event(1)["id"], event(4)["id"]]


def test_an_event_of_another_type_is_not_passed_over_in_silence(notifier: Notifier) -> None:
    registered = event(1)
    registered["type"] = "orders.ClientRegistered.v1"
    registered["data"]["client"].update(version=0, order_count=0, total="0.00", last_purchase=None)
    del registered["data"]["order"]
    assert notifier.deliver(message(registered)) == {"m0"}
    assert notifier.ses.taken == []


def test_old_orders_are_not_mailed_about(notifier: Notifier) -> None:
    """A reload of the outbox brings all that it holds, the records of most of which are gone by then."""
    hour = 3600
    old = [message(event(number, age_s=HOURS * hour + number), operation="load") for number in range(1, 31)]
    young = message(event(99, age_s=HOURS * hour - 60), operation="load")
    assert notifier.deliver(*old, young) == set()
    assert notifier.ses.events() == [event(99)["id"]]


def test_a_record_is_there_for_as_long_as_its_event_may_come_again(notifier: Notifier) -> None:
    placed_s_ago = 5
    notifier.deliver(message(event(1, age_s=placed_s_ago)))
    (record,) = notifier.records()
    # Until then an event of that time is mailed about if no record is found; later it is too old.
    last_moment = time.time() - placed_s_ago + HOURS * 3600
    assert int(record["expiration"]["N"]) > last_moment


def test_a_record_names_the_event_and_no_person(notifier: Notifier) -> None:
    notifier.deliver(message(event(1)))
    (record,) = notifier.records()
    assert json.loads(record["data"]["S"]) == {"event_id": event(1)["id"], "message_id": "m-1"}
    assert "bob" not in str(record).lower()


def test_a_client_who_cannot_be_reached_is_done_with(notifier: Notifier, caplog: pytest.LogCaptureFixture) -> None:
    unreachable = event(1)
    unreachable["data"]["client"]["email"] = "bob@b.example, eve@e.example"
    assert notifier.deliver(message(unreachable), message(event(2))) == set()
    assert notifier.ses.events() == [event(2)["id"]]
    assert "client cannot be mailed" in caplog.text


def test_a_crash_after_sending_costs_a_second_mail_at_most(notifier: Notifier) -> None:
    def die() -> None:
        raise SystemExit

    body, context = message(event(1)), Context(left=[1500])
    notifier.ses.after = die
    with pytest.raises(SystemExit):
        notifier.deliver(body, context=context)
    notifier.ses.after = lambda: None
    # The dead invocation could still be at work until its time is over.
    assert notifier.deliver(body) == {"m0"}
    until(lambda: notifier.deliver(body) == set(), what="the dead invocation's time is over")
    assert len(notifier.ses.taken) == 2
    assert notifier.deliver(body, body) == set()
    assert len(notifier.ses.taken) == 2


def test_a_crash_before_sending_costs_no_mail(notifier: Notifier) -> None:
    def die() -> None:
        raise SystemExit

    body = message(event(1))
    notifier.ses.before = die
    with pytest.raises(SystemExit):
        notifier.deliver(body, context=Context(left=[1]))
    notifier.ses.before = lambda: None
    until(lambda: notifier.deliver(body) == set(), what="the dead invocation's time is over")
    assert len(notifier.ses.taken) == 1


def test_an_answer_that_is_lost_costs_a_second_mail_at_most(notifier: Notifier) -> None:
    def lose() -> None:
        raise ReadTimeoutError(endpoint_url="https://email")

    body = message(event(1))
    notifier.ses.after = lose
    assert notifier.deliver(body) == {"m0"}
    notifier.ses.after = lambda: None
    assert notifier.deliver(body) == notifier.deliver(body) == set()
    assert len(notifier.ses.taken) == 2


def test_a_mail_that_could_not_be_recorded_is_not_sent_again_on_purpose(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")

    with monkeypatch.context() as broken:
        broken.setattr(notifier.table, "update_item", throttled)
        assert notifier.deliver(message(event(1)), message(event(2))) == set()
    assert len(notifier.ses.taken) == 2
    assert "mail sent but not recorded" in caplog.text


@pytest.mark.parametrize("code", ["TooManyRequestsException", "SendingPausedException", "AccessDeniedException"])
def test_when_ses_takes_nothing_all_that_is_left_comes_again(notifier: Notifier, code: str) -> None:
    bodies = [message(event(1)), message(event(2)), "{", message(event(3))]
    notifier.deliver(bodies[0])
    calls: list[int] = []

    def refusing() -> None:
        calls.append(1)
        refuse(code)()

    notifier.ses.before = refusing
    assert notifier.deliver(*bodies) == {"m1", "m2", "m3"}
    assert len(calls) == 1, "who asks to slow down is not asked again"
    notifier.ses.before = lambda: None
    assert notifier.deliver(*bodies) == {"m2"}
    assert notifier.ses.events() == [event(number)["id"] for number in (1, 2, 3)]


def test_a_mail_that_ses_refuses_fails_alone(notifier: Notifier) -> None:
    answers: list[Callable[[], None]] = [refuse("MessageRejected")]
    notifier.ses.before = lambda: answers.pop()() if answers else None
    assert notifier.deliver(message(event(1)), message(event(2))) == {"m0"}
    assert notifier.ses.events() == [event(2)["id"]]
    # Redriven when the sender is verified, for example.
    assert notifier.deliver(message(event(1))) == set()
    assert notifier.ses.events() == [event(2)["id"], event(1)["id"]]


def test_without_its_ledger_it_sends_nothing(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    use(notifier, monkeypatch, notifier.table, "no-such-table")
    assert notifier.deliver(message(event(1)), message(event(2))) == {"m0", "m1"}
    assert notifier.ses.taken == []


def test_two_who_get_the_same_message_at_once_send_one_mail(notifier: Notifier) -> None:
    body, at_work, released = message(event(1)), threading.Event(), threading.Event()

    def hold() -> None:
        at_work.set()
        assert released.wait(30)

    notifier.ses.before = hold
    answers: list[set[str]] = []
    first = threading.Thread(target=lambda: answers.append(notifier.deliver(body)))
    first.start()
    assert at_work.wait(30)
    try:
        assert notifier.deliver(body) == {"m0"}
    finally:
        released.set()
        first.join()
    assert answers == [set()]
    assert notifier.deliver(body) == set()
    assert len(notifier.ses.taken) == 1


def test_no_mail_is_begun_that_could_be_cut_off(notifier: Notifier) -> None:
    # At the beginning, and before each of the first two; the records ask for it too.
    context = Context(left=[30_000, 30_000, 30_000, 14_000])
    assert notifier.deliver(*(message(event(number)) for number in (1, 2, 3)), context=context) == {"m1", "m2"}
    assert notifier.ses.events() == [event(1)["id"]]
    assert notifier.deliver(*(message(event(number)) for number in (1, 2, 3))) == set()
    assert len(notifier.ses.taken) == 3


def test_logs_and_metrics_hold_no_personal_data(
    notifier: Notifier, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    unreachable = event(5)
    unreachable["data"]["client"]["email"] = "bob at anemailprovider"
    notifier.deliver(message(event(1)), "{", message(unreachable), message(event(6, age_s=10**6)))
    for code in ("MessageRejected", "TooManyRequestsException"):
        notifier.ses.before = refuse(code)
        notifier.deliver(message(event(7)), message(event(8)))
    logged = "".join(str(vars(record)) for record in caplog.records) + capsys.readouterr().out
    for said in ("batch mailed", "message refused", "client cannot be mailed", "mail not sent", "batch given back"):
        assert said in logged
    for personal in ("anemailprovider", "Bob", "bob@"):
        assert personal not in logged


def test_the_metrics_tell_what_became_of_the_batch(notifier: Notifier, capsys: pytest.CaptureFixture[str]) -> None:
    unreachable = event(5)
    unreachable["data"]["client"]["email"] = "nobody"
    old = message(event(6, age_s=10**6))
    notifier.deliver(message(event(1, age_s=100)), message(event(1)), "{", message(unreachable), old, message(event(2)))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (metrics,) = [line for line in lines if "MailsSent" in line]
    assert (metrics["MailsSent"], metrics["MailsFailed"], metrics["MailsWithheld"]) == ([2.0], [1.0], [2.0])
    assert 100_000 <= metrics["NotificationLag"][0] < 130_000
