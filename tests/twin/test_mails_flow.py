"""The second consumer on the running system: each order is mailed about once, and poison stays its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.twin.conftest import System, depth
from tests.twin.waiting import until
from twin.cli import app
from twin.mails import Mail, sent


def mails_to(system: System, address: str) -> list[Mail]:
    return [mail for mail in sent(system.twin.emulator.endpoint) if mail.to == (address,)]


def mail_about(system: System, address: str, count: int = 1) -> list[Mail]:
    """Wait for so many mails to an address that nobody else has."""
    until(lambda: len(mails_to(system, address)) >= count, what=f"{count} mails to {address}")
    return mails_to(system, address)


def ordering(system: System, name: str, address: str) -> tuple[int, int]:
    """A new client with an address of its own who has ordered; gives client and order."""
    ((id_client,),) = system.rows("insert into client (name, email) values (%s, %s) returning id", name, address)
    response = system.client.order(id_client, [(1, 1), (2, 3)])
    assert response.status_code == 201, response.text
    return id_client, int(response.json()["id_order"])


def outbox_message(system: System, id_order: int, operation: str) -> str:
    """The event of an order as the pipe publishes it."""
    columns = ("id", "aggregate_type", "aggregate_id", "event_type", "version", "payload")
    ((*row,),) = system.rows(
        f"select id::text, {', '.join(columns[1:])} from outbox "
        "where payload::jsonb #>> '{data,order,id}' = %s and event_type = 'orders.OrderPlaced.v1'", str(id_order)
    )  # fmt: skip
    metadata = {"record-type": "data", "operation": operation, "schema-name": "public", "table-name": "outbox"}
    return json.dumps({"data": dict(zip(columns, row, strict=True)), "metadata": metadata})


@pytest.fixture
def sqs(system: System) -> Iterator[Any]:
    """An SQS client; the dead letters of this consumer are empty before and after, and failures come back soon."""
    client = system.twin.emulator.client("sqs")
    url, dead = system.outputs["notify_client_queue_url"], system.outputs["notify_client_dead_letter_url"]
    usual = client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    client.purge_queue(QueueUrl=dead)
    # Above the function's timeout, or a message would be shown again while it is worked on.
    client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "4"})
    yield client
    client.set_queue_attributes(QueueUrl=url, Attributes=usual)
    client.purge_queue(QueueUrl=dead)


def test_an_order_becomes_one_mail(system: System) -> None:
    _, id_order = ordering(system, "Zoë & Sons", "zoe@b.example")
    (mail,) = mail_about(system, "zoe@b.example")
    assert mail.sender == "orders@shop.example"
    assert mail.subject == f"Your order {id_order}"
    lines = mail.text.splitlines()
    assert lines[0] == "Hello Zoë & Sons,"
    assert "3 x product 2 at 500.00: 1500.00" in lines
    assert "Total: 3000.00" in lines
    assert "<p>Hello Zoë &amp; Sons,</p>" in mail.html


def test_whatever_brings_an_order_again_it_is_one_mail(system: System, sqs: Any) -> None:
    id_client, id_order = ordering(system, "Again", "again@b.example")
    mail_about(system, "again@b.example")
    # A full load publishes it anew; a redrive puts it into the queue.
    system.twin.emulator.client("sns").publish(
        TopicArn=system.outputs["topic_arn"], Message=outbox_message(system, id_order, "load")
    )
    queue = system.outputs["notify_client_queue_url"]
    for _ in range(5):
        sqs.send_message(QueueUrl=queue, MessageBody=outbox_message(system, id_order, "insert"))
    # Later ones show that those before have been through.
    system.place(id_client)
    mail_about(system, "again@b.example", 2)
    until(lambda: depth(sqs, queue) == 0, what="the queue is worked off")
    subjects = [mail.subject for mail in mails_to(system, "again@b.example")]
    assert subjects.count(f"Your order {id_order}") == 1
    assert depth(sqs, system.outputs["notify_client_dead_letter_url"]) == 0


def test_poison_ends_in_its_own_dead_letters_while_mails_go_on(system: System, sqs: Any) -> None:
    queue, dead = system.outputs["notify_client_queue_url"], system.outputs["notify_client_dead_letter_url"]
    before = depth(sqs, system.outputs["project_clients_dead_letter_url"])
    poison = ["no json", '{"data": {"event_type": "orders.OrderPlaced.v1"}}']
    for body in poison:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    ordering(system, "Unharmed", "unharmed@b.example")
    mail_about(system, "unharmed@b.example")
    until(lambda: depth(sqs, dead) == len(poison), what="poison in the dead letters", timeout_s=120)
    assert depth(sqs, queue) == 0
    assert depth(sqs, system.outputs["project_clients_dead_letter_url"]) == before


def test_an_old_order_is_let_through_without_a_mail(system: System, sqs: Any) -> None:
    _, id_order = ordering(system, "Old", "old@b.example")
    mail_about(system, "old@b.example")
    message = json.loads(outbox_message(system, id_order, "load"))
    payload = json.loads(message["data"]["payload"])
    # As from an outbox that has kept it for weeks: another event, so no record stands against it.
    payload.update(id="11111111-2222-3333-4444-555555555555", time="2020-01-01T00:00:00.000000Z")
    message["data"].update(id=payload["id"], payload=json.dumps(payload))
    queue = system.outputs["notify_client_queue_url"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(message))
    until(lambda: depth(sqs, queue) == 0, what="the queue is worked off")
    assert len(mails_to(system, "old@b.example")) == 1
    assert depth(sqs, system.outputs["notify_client_dead_letter_url"]) == 0


def test_the_command_shows_the_mails(system: System) -> None:
    _, id_order = ordering(system, "[red]Shown", "shown@b.example")
    mail_about(system, "shown@b.example")
    result = CliRunner().invoke(app, ["mails", "--folder", str(system.twin.folder.path)])
    assert result.exit_code == 0, result.output
    assert f"to shown@b.example  Your order {id_order}" in result.output
    assert "| Hello [red]Shown," in result.output
    assert "| Total: 3000.00" in result.output


def test_the_command_says_so_when_no_twin_runs(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["mails", "--folder", str(tmp_path / ".twin")])
    assert result.exit_code == 3
    assert "No twin serves" in result.output
