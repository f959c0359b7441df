"""Texts that are SQL, protocol or markup go through every field to the real servers and stay texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from functions.administer import handler as administer
from functions.administer.store import PostgresAdministration
from functions.common.cache import Cache, connect
from functions.common.gateway import answer
from functions.common.settings import CacheSettings
from functions.get_client import handler as get_client
from functions.get_client.view import CachedClients
from functions.notify_client.address import deliverable
from functions.notify_client.letter import order_letter
from functions.place_order import handler as place_order
from functions.project_clients.fold import fold
from functions.project_clients.writer import ReadModelWriter
from tests.attack.requests import HOSTILE
from tests.functions.migrated import Orders
from tests.functions.samples import decode_client, get, message, order_placed, send
from twin.servers.valkey import ValkeyServer

SQL = (
    "'", "''", "';", "'; drop table client; --", "x'); delete from orders; --",
    "' union select passwd from pg_shadow --", "$$; select 1; $$", "\\'; select 1 --", "%(name)s", "%s%s%s", "%%",
    "{1,2}", "array[1]", "1; select 1", "/* */", "E'\\x41'", "U&'\\0041'", '"; drop', "pg_sleep(10)", "1e1000",
    "\\copy x", ":name", "$1", "null", "default", "::bigint", "'||(select version())||'", '","email":"evil@x","x":"',
    '\\","x":"', "</script>", "\u2019 or 1=1", "\uff07 or 1=1",
)  # fmt: skip
TEXTS = (*SQL, *HOSTILE)


def _names(orders: Orders) -> set[Any]:
    """All objects of the schema, and who may do what with them."""
    return set(orders.rows("select relname, relkind::text, relacl::text from pg_class where relnamespace ="
                           " 'public'::regnamespace"))  # fmt: skip


def test_texts_of_commands_stay_texts(orders: Orders) -> None:
    store = PostgresAdministration(orders.database_as("administrator"), 24)
    before, stored = _names(orders), 0

    def ask(*call: Any, **headers: str) -> dict[str, Any]:
        event = {**send(*call, **headers), "path": ""}  # not all of these are calls of the contract
        return answer(event, lambda request: administer.respond(request, lambda: store))

    for number, text in enumerate(TEXTS):
        email = f"a{text}@b.example"
        bodies = [
            ("POST", "/clients", None, {"name": text, "email": "a@b.example"}),
            ("POST", "/clients", None, {"name": "x", "email": email}),
            ("PATCH", "/clients/{id}", 1, {"name": text}),
            ("PATCH", "/clients/{id}", 1, {"email": email}),
            ("POST", "/products", None, {"name": text, "price": "1.00"}),
            ("POST", "/products", None, {"name": "x", "price": text}),
            ("PATCH", "/products/{id}", 1, {"name": text}),
            ("PATCH", "/clients/{id}", text, {"name": "x"}),
            ("POST", "/clients", None, {text: text, "name": "x", "email": "a@b.example"}),
        ]
        for body in bodies:
            answered = ask(*body)
            assert answered["statusCode"] in (200, 201, 400, 422), (body, answered["body"])
            if answered["statusCode"] < 300:
                stored += 1
                column, value = next(iter(body[3].items()))
                value = body[3]["email"] if column == "name" and value == "x" else value
                table = "product" if "products" in body[1] else "client"
                found = orders.rows(
                    f"select to_jsonb(t)::text from {table} t where id = %s",
                    (next((id_ for name, id_ in json.loads(answered["body"]).items() if name in
                           ("id_client", "id_product")), 1),),
                )  # fmt: skip
                assert value in json.loads(found[0][0]).values(), body
        for header in ("Idempotency_Key", "If_Match", "traceparent"):
            answered = ask("PATCH" if header == "If_Match" else "POST", *(
                ("/clients/{id}", 1, {"name": f"n{number}"}) if header == "If_Match"
                else ("/clients", None, {"name": "x", "email": "a@b.example"})
            ), **{header: text})  # fmt: skip
            assert answered["statusCode"] in (200, 201, 400, 412), (header, text, answered["body"])
    assert stored > len(SQL)
    assert _names(orders) == before
    # What was written into the events by concatenation is JSON with the very texts.
    for (payload,) in orders.rows("select payload from outbox"):
        assert json.loads(payload)["data"].keys() == {"client"}
        decode_client(message(json.loads(payload)))


@pytest.mark.parametrize("kind", ["key", "principal", "id_client", "id_product"])
def test_texts_of_orders_stay_texts(orders: Orders, kind: str) -> None:
    store = orders.store()
    before = _names(orders)
    for text in TEXTS:
        body: dict[str, Any] = {"id_client": 1, "products": [{"id_product": 1, "quantity": 1}]}
        principal, headers = "demo", {}
        if kind == "key":
            headers = {"Idempotency_Key": text}
        elif kind == "principal":
            principal, headers = text, {"Idempotency_Key": "key"}
        elif kind == "id_client":
            body["id_client"] = text
        else:
            body["products"][0]["id_product"] = text
        event = {**send("POST", "/orders", None, body, principal, **headers), "path": ""}
        answered = answer(event, lambda request: place_order.respond(request, lambda: store))
        assert answered["statusCode"] in (
            (201,) if kind == "principal" else (400, 422) if kind[:2] == "id" else (201, 400)
        )
    assert _names(orders) == before
    [(count,)] = orders.rows("select count(*) from idempotency_key where key !~ '^(call-[0-9a-f]{32}|[0-9a-f]{64})$'")
    assert count == 0


def test_texts_of_events_stay_texts_in_the_read_model(valkey: ValkeyServer, cache: redis.Redis) -> None:
    place = CacheSettings(valkey.host, valkey.port, False, "none", "", "")
    writer, views = ReadModelWriter(connect(place)), CachedClients(Cache(connect(place)))
    shown = [text for text in TEXTS if text != "\ud800"]
    for number, text in enumerate(shown, start=1):
        payload = order_placed(number, 1, name=text)
        payload["data"]["client"]["email"] = f"{text}@x"
        assert writer.write([fold([("m", decode_client(message(payload)))])]) == []
    assert len(cache.keys("*")) == 2 * len(shown)
    for number, text in enumerate(shown, start=1):
        event = {**get(f"/clients/{number}", str(number)), "path": ""}
        answered = answer(event, lambda request: get_client.respond(request, lambda: views, 0))
        body = json.loads(answered["body"])
        assert (body["name"], body["email"], body["version"]) == (text, f"{text}@x", 1)
        assert answered["headers"]["ETag"] == '"1"'


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_starts_no_header_of_a_mail_and_no_second_recipient(text: str) -> None:
    for address in (
        f"a@b.example{text}",
        f"{text}a@b.example",
        f"{text}<a@b.example>",
        f"a@b.example,{text}@c.example",
    ):
        found = deliverable(address)
        assert found is None or (found.isascii() and found.isprintable() and found.count("@") == 1
                                 and not set(found) & set(' ,;<>"()[]:\\'))  # fmt: skip
    if text == "\ud800":
        return
    event: Any = decode_client(message(order_placed(name=text)))
    letter = order_letter(event)
    assert letter.subject.isprintable() or "\u202e" not in letter.subject
    assert not set(letter.subject.strip("\n")) & set("\r\n\x00")
    assert "<script" not in letter.html.lower()
