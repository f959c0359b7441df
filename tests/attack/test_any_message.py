"""The consumers are given any message: it is projected or mailed, or it fails alone, and the others go on."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.common.errors import EventError
from functions.common.events import OrderPlaced
from functions.notify_client import handler as notify
from functions.notify_client.letter import order_letter
from functions.project_clients import handler as project
from functions.project_clients.fold import Change
from functions.project_clients.lines import pack
from functions.project_clients.writer import _command
from tests.attack.requests import HOSTILE
from tests.functions.samples import client_event, decode_client, message, order_placed

SOUND = [
    order_placed(),
    client_event("ClientRegistered", version=0),
    client_event("ClientChanged", version=3, order_count=2),
]
VALUES = st.sampled_from([
    None, True, 0, -1, 1.5, 2**63, 2**64, 1e308, "", "1", "x", [], {}, [1], {"id": 1}, "NaN", "-1.00", "1e2", "1.00\n",
    "0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:60.000000Z", "0001-01-01T00:00:00.000000Z", [None] * 101,
    "\u0661.00", *HOSTILE,
])  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all members."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A sound event with a few members replaced or removed."""
    body: Any = json.loads(message(draw(st.sampled_from(SOUND))))
    body["data"]["payload"] = json.loads(body["data"]["payload"])
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(body)[1:]))
        place = body
        for step in way:
            place = place[step]
        if draw(st.booleans()) and isinstance(place, dict):
            del place[last]
        else:
            place[last] = copy.deepcopy(draw(VALUES))
        if isinstance(body.get("data"), dict) is False or not isinstance(body["data"].get("payload"), dict):
            break
    if isinstance(body.get("data"), dict) and draw(st.booleans()):
        body["data"]["payload"] = json.dumps(body["data"].get("payload"))
    return json.dumps(body)


BODIES = st.text() | mutated() | mutated().map(lambda body: body[:-1]) | st.sampled_from(
    ["", "[]", "null", '"' * 3, "[" * 100_000, '{"data":' * 2000, "\ud800",
     '{"data": {"payload": "' + "[" * 5000 + '"}}'],
)  # fmt: skip


class Writer:
    """A read model that packs what it would send."""

    def write(self, chunks: Any, count: int = 0) -> list[Any]:
        changes: list[Change] = [change for chunk in chunks for change in chunk]
        self.sent = pack(_command("EVALSHA", "", changes, ""))
        return []


@given(BODIES)
def test_any_text_is_an_event_or_one_of_two_errors(body: str) -> None:
    try:
        event = decode_client(body)
    except EventError:
        return
    # What was let through can be written, mailed and read again.
    assert pack(_command("EVALSHA", "", [Change(event.client)], "")).count(b"EVALSHA") >= 1
    if isinstance(event, OrderPlaced):
        letter = order_letter(event)
        assert "\n" not in letter.subject.strip("\n")


@settings(max_examples=40)
@given(st.lists(BODIES, max_size=5))
def test_the_projector_reports_what_it_did_not_take_and_no_other(bodies: list[str]) -> None:
    good = message(order_placed(id_client=77))
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate([*bodies, good])]
    batch, writer = project.Batch(records), Writer()
    batch.project(writer)  # type: ignore[arg-type]
    batch.report()
    assert f"m{len(bodies)}" not in batch.failed
    assert len(batch.failed) == len(set(batch.failed))
    assert b"client:{77}" in writer.sent


@settings(max_examples=40)
@given(st.lists(BODIES, max_size=5))
def test_the_mailer_reports_what_it_did_not_take_and_no_other(bodies: list[str]) -> None:
    mailed: list[str] = []
    post: Any = SimpleNamespace(recipient=lambda email: "a@b.example", send=lambda letter, **_: "id")

    def once(event_id: str, send: Any) -> bool:
        mailed.append(event_id)
        return bool(send())

    ledger: Any = SimpleNamespace(once=once)
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    good = order_placed(id_client=77)
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate([*bodies, message(good)])]
    batch = notify.Batch(records, 10**12)
    batch.mail(post, ledger, context)
    batch.report()
    assert f"m{len(bodies)}" not in batch.failed
    assert good["id"] in mailed


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_one_argument_to_the_server(text: str) -> None:
    body = message(order_placed(name=text or "x"))
    try:
        event = decode_client(body)
    except EventError:
        assert text == "\ud800"
        return
    sent = pack(_command("EVALSHA", "", [Change(event.client)], ""))
    # RESP: the number of arguments comes first, and each with its length; a line end in a value ends nothing.
    assert sent.startswith(b"*14\r\n")
    assert b"$%d\r\n%s\r\n" % (len(text.encode()), text.encode()) in sent
