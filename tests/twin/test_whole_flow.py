"""The whole system, from the Pulumi program: an order goes in over HTTP and comes out of the read model."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.twin.conftest import System, depth
from tests.twin.waiting import until
from twin.flow import HOPS

# 2**53 + 1 is the first integer that a float cannot hold.
IDS = [10, 11, 100, 2**31, 2**53 + 1, 2**63 - 1]


def test_the_order_of_the_reference(system: System) -> None:
    before = system.client.client(1)
    version, total = (before.json()["version"], before.json()["total"]) if before.status_code == 200 else (0, 0.0)
    response = system.client.order(1, [(1, 1), (2, 3)])
    assert response.status_code == 201
    answer = response.json()
    assert answer["message"] == "Order created successfully!"
    assert answer["client_version"] == version + 1
    assert response.headers["location"].endswith(f"/clients/1/orders?min_version={version + 1}")
    state = system.client.wait_for_version(1, version + 1)
    assert (state["name"], state["email"]) == ("Bob", "bob@anemailprovider.com")
    assert state["total"] == total + 3000.0
    assert isinstance(state["last_purchase"], int)
    system.converged(1)


@pytest.mark.parametrize("client_id", IDS)
def test_large_ids_travel_unchanged(system: System, client_id: int) -> None:
    system.new_client(client_id)
    system.rows("insert into product (id, name, price) values (%s, 'Thing', 0.01)", client_id)
    response = system.client.order(client_id, [(client_id, 9999)])
    assert response.status_code == 201, response.text
    system.client.wait_for_version(client_id, 1)
    assert system.client.client(client_id).json()["total"] == 99.99
    (order,) = system.client.orders(client_id).json()["orders"]
    assert order["lines"] == [{"id_product": client_id, "unit_price": 0.01, "quantity": 9999}]
    system.converged(client_id)


def test_every_client_is_known_from_the_first_day_on(system: System) -> None:
    """John has never ordered, and no other test orders for him."""
    response = system.client.client(3, min_version=0)
    assert (response.status_code, response.headers["etag"]) == (200, '"0"')
    assert response.json() == {
        "name": "John", "email": "john@anemailprovider.com", "total": 0, "last_purchase": None, "order_count": 0,
        "version": 0,
    }  # fmt: skip
    assert system.client.orders(3).json() == {"id_client": 3, "version": 0, "orders": []}
    for client_id in (1, 2):
        system.converged(client_id)


def test_a_new_client_is_read_changed_and_orders(system: System) -> None:
    body, key = {"name": "Zoë", "email": "zoe@example.com"}, {"Idempotency-Key": str(uuid.uuid4())}
    registered = _send(system, "POST", "/clients", body, **key)
    assert (registered.status_code, registered.json()["client_version"]) == (201, 0)
    client_id = registered.json()["id_client"]
    again = _send(system, "POST", "/clients", body, **key)
    assert (again.status_code, again.json(), again.headers["location"]) == (
        201, registered.json(), registered.headers["location"]
    )  # fmt: skip
    assert _send(system, "POST", "/clients", {**body, "name": "Zoe"}, **key).status_code == 422

    # A path from the host on; the twin's has more in front of the stage than that of AWS.
    location = registered.headers["location"].removeprefix("/prod")
    found = httpx.get(system.outputs["api_url"] + location, auth=_auth(system))
    assert (found.status_code, found.json()["total"], found.json()["email"]) == (200, 0, "zoe@example.com")

    change = {"email": "zoe@new.example"}
    changed = _send(system, "PATCH", f"/clients/{client_id}", change, **{"If-Match": found.headers["etag"]})
    assert (changed.status_code, changed.json()) == (200, {"id_client": client_id, "client_version": 1})
    stale = _send(system, "PATCH", f"/clients/{client_id}", {"name": "Z"}, **{"If-Match": found.headers["etag"]})
    assert stale.status_code == 412
    _is_problem(stale)
    state = system.client.wait_for_version(client_id, 1)
    assert (state["name"], state["email"], state["last_purchase"]) == ("Zoë", "zoe@new.example", None)

    assert system.place(client_id) == 2
    state = system.client.wait_for_version(client_id, 2)
    assert (state["email"], state["total"], state["order_count"]) == ("zoe@new.example", 1000.0, 1)
    system.converged(client_id)


def test_a_new_product_is_ordered_at_the_price_of_the_moment(system: System) -> None:
    body, key = '{"name": "Lamp", "price": 12.30}', {"Idempotency-Key": str(uuid.uuid4())}
    (added, again) = (_send(system, "POST", "/products", body, **key) for _ in range(2))
    assert (added.status_code, added.json()) == (201, again.json())
    product_id, client_id = added.json()["id_product"], system.new_client()
    assert system.client.order(client_id, [(product_id, 3)]).status_code == 201
    changed = _send(system, "PATCH", f"/products/{product_id}", {"price": "12.25"})
    assert (changed.status_code, changed.json()) == (200, added.json())
    assert system.client.order(client_id, [(product_id, 1)]).status_code == 201
    state = system.client.wait_for_version(client_id, 2)
    assert state["total"] == 49.15
    system.converged(client_id)
    orders = system.client.orders(client_id).json()["orders"]
    assert [order["lines"][0]["unit_price"] for order in orders] == [12.25, 12.3]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/clients", "", 400),
        ("POST", "/clients", {"name": "x"}, 422),
        ("POST", "/clients", {"name": "x", "email": "a@b", "id": 1}, 422),
        ("PATCH", "/clients/1", {}, 422),
        ("PATCH", "/clients/1", '{"name": "\\ud800"}', 422),
        ("PATCH", "/clients/999999", {"name": "x"}, 404),
        ("PATCH", "/clients/x", {"name": "x"}, 400),
        ("PATCH", "/products/999999", {"name": "x"}, 404),
        ("POST", "/products", '{"name": "x", "price": NaN}', 400),
        ("POST", "/products", '{"name": "x", "price": 1e400}', 422),
        ("POST", "/products", '{"name": "x", "price": 0.001}', 422),
        ("PATCH", "/products/1", '{"price": "1e2"}', 422),
    ],
)
def test_bad_administration_is_a_problem_and_changes_nothing(
    system: System, method: str, path: str, body: Any, status: int
) -> None:
    held = "select (select jsonb_agg(c order by id) from client c), (select jsonb_agg(p order by id) from product p)"
    before = system.rows(held), _counts(system)
    response = _send(system, method, path, body)
    assert response.status_code == status, response.text
    _is_problem(response)
    assert (system.rows(held), _counts(system)) == before


def _send(system: System, method: str, path: str, body: Any, **headers: str) -> httpx.Response:
    """Send a command; a body that is a text goes as it is."""
    return httpx.request(
        method, system.outputs["api_url"] + path, content=body if isinstance(body, str) else json.dumps(body),
        headers={"Content-Type": "application/json", **headers}, auth=_auth(system), timeout=30,
    )  # fmt: skip


def test_the_first_orders_travel_every_hop(system: System) -> None:
    client_id = system.new_client()
    system.place(client_id)
    system.converged(client_id)
    ((event_id,),) = system.rows("select id::text from outbox where aggregate_id = %s", str(client_id))
    journey = system.twin.journal.wait(event_id, "projected", 30)
    assert journey is not None
    assert set(journey.at) == set(HOPS) - {"readable"}


def test_a_trace_can_be_followed_from_the_request_to_the_projection(system: System) -> None:
    client_id, trace = system.new_client(), secrets.token_hex(16)

    def ordered() -> None:
        response = httpx.post(
            system.outputs["orders_url"], json={"id_client": client_id, "products": [{"id_product": 3, "quantity": 1}]},
            headers={"traceparent": f"00-{trace}-{'b' * 16}-01"}, auth=_auth(system), timeout=30,
        )  # fmt: skip
        assert response.status_code == 201

    def named(function: str) -> bool:
        # Lines that a function writes too late for the emulator come with its next invocation.
        ordered()
        logs = system.twin.emulator.client("logs")
        group = f"/aws/lambda/orders-local-{function}"
        found = logs.filter_log_events(logGroupName=group, filterPattern=f'"{trace}"')["events"]
        return any(trace in event["message"] for event in found)

    until(lambda: named("place-order"), what="the trace in place_order's log")
    until(lambda: named("project-clients"), what="the trace in project_clients' log")
    system.converged(client_id)


def test_concurrent_orders_of_one_client_all_count(system: System) -> None:
    client_id = system.new_client()
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: system.place(client_id), range(40)))
    assert sorted(versions) == list(range(1, 41))
    system.converged(client_id)


def test_a_key_places_one_order(system: System) -> None:
    client_id, key = system.new_client(), str(uuid.uuid4())
    with ThreadPoolExecutor(6) as pool:
        versions = set(pool.map(lambda _: system.place(client_id, key), range(12)))
    assert versions == {1}
    assert system.client.order(client_id, [(3, 2)], key).status_code == 422
    assert system.rows("select count(*) from orders where client_id = %s", client_id) == [(1,)]
    system.converged(client_id)


def test_an_unchanged_client_is_not_sent_again(system: System) -> None:
    client_id = system.new_client()
    system.client.wait_for_version(client_id, system.place(client_id))
    etag = system.client.client(client_id).headers["etag"]
    response = httpx.get(
        f"{system.outputs['clients_url']}/{client_id}", auth=_auth(system), headers={"If-None-Match": etag}
    )
    assert (response.status_code, response.content) == (304, b"")


def test_reading_ahead_of_the_projection_is_told_to_come_back(system: System) -> None:
    client_id = system.new_client()
    system.client.wait_for_version(client_id, system.place(client_id))
    response = system.client.client(client_id, min_version=2)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    _is_problem(response)


def _auth(system: System) -> tuple[str, str]:
    return system.outputs["api_user"], system.outputs["api_password"]


def _is_problem(response: httpx.Response) -> None:
    assert response.headers["content-type"].startswith("application/problem+json"), response.text
    document = response.json()
    assert document["status"] == response.status_code
    assert document["title"]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Bearer x",
        "Basic " + base64.b64encode(b"orders").decode(),
        "Basic " + base64.b64encode(b"orders:wrong").decode(),
        "Basic " + base64.b64encode(b"orders:" + b"x" * 3000).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode(),
    ],
)
def test_without_the_credentials_nobody_gets_in(system: System, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, url in (("POST", system.outputs["orders_url"]), ("GET", system.outputs["clients_url"] + "/1")):
        response = httpx.request(method, url, headers=headers)
        assert response.status_code == 401, response.text
        assert response.headers["www-authenticate"].startswith("Basic")
        _is_problem(response)


ORDER: dict[str, Any] = {"id_client": 1, "products": [{"id_product": 1, "quantity": 1}]}


def order(**changes: Any) -> str:
    return json.dumps({**ORDER, **changes})


def line(**changes: Any) -> str:
    return order(products=[{"id_product": 1, "quantity": 1, **changes}])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 422),
        ("null", 422),
        ('{"id_client":1,"products":NaN}', 400),
        (order(id_client=0), 422),
        (order(id_client=-1), 422),
        (order(id_client=2**63), 422),
        (order(id_client=1.0), 422),
        (order(id_client="1"), 422),
        (order(id_client=True), 422),
        (order(id_client=999999), 422),
        (order(products=[]), 422),
        (order(products=[{"id_product": number, "quantity": 1} for number in range(1, 102)]), 422),
        (order(extra=1), 422),
        (line(quantity=0), 422),
        (line(quantity=-3), 422),
        (line(quantity=1.5), 422),
        (line(quantity=1e400), 400),
        (line(quantity="1"), 422),
        (line(quantity=10_000), 422),
        (line(id_product=999999), 422),
        (line(id_product=2**63), 422),
        (line(price="0.01"), 422),
        ('{"id_client":1,' * 5000, 413),
    ],
)
def test_bad_input_is_a_problem_and_stores_nothing(system: System, body: str, status: int) -> None:
    before = _counts(system)
    response = httpx.post(
        system.outputs["orders_url"], content=body, auth=_auth(system), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == status, response.text
    _is_problem(response)
    assert _counts(system) == before


def _counts(system: System) -> list[tuple[Any, ...]]:
    return system.rows(
        "select (select count(*) from orders), (select count(*) from order_line), (select count(*) from outbox), "
        "(select count(*) from idempotency_key), (select sum(version) from client)"
    )


@pytest.mark.parametrize("client_id", ["0", "-1", "abc", "1.5", str(2**63), "%20"])
def test_bad_client_ids_are_problems(system: System, client_id: str) -> None:
    for suffix in ("", "/orders"):
        response = httpx.get(f"{system.outputs['clients_url']}/{client_id}{suffix}", auth=_auth(system))
        assert response.status_code == 400, response.text
        _is_problem(response)


def test_an_unknown_client_is_not_found(system: System) -> None:
    response = system.client.client(987654321)
    assert response.status_code == 404
    _is_problem(response)


def test_an_unknown_path_is_a_problem(system: System) -> None:
    response = httpx.get(system.outputs["api_url"] + "/nothing", auth=_auth(system))
    assert 400 <= response.status_code < 500
    _is_problem(response)


def test_poison_in_the_queue_ends_in_the_dead_letters_while_the_rest_flows(system: System, queues: Any) -> None:
    url, dead = system.outputs["project_clients_queue_url"], system.outputs["project_clients_dead_letter_url"]
    usual = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    # Each failed try is hidden for the queue's visibility timeout: six times the function's. Not in a test.
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        poison = ["no json", '{"data": {"event_type": "orders.OrderPlaced.v1"}}', '{"data": 1, "metadata": {}}']
        for body in poison:
            queues.send_message(QueueUrl=url, MessageBody=body)
        client_id = system.new_client()
        system.place(client_id)
        system.converged(client_id)
        until(lambda: depth(queues, dead) == len(poison), what="poison in the DLQ")
        assert depth(queues, url) == 0
    finally:
        queues.set_queue_attributes(QueueUrl=url, Attributes=usual)


def test_poison_in_the_stream_ends_in_the_pipes_dead_letters_while_the_rest_flows(system: System) -> None:
    sqs, dead = system.twin.emulator.client("sqs"), system.outputs["undelivered_url"]
    sqs.purge_queue(QueueUrl=dead)
    # Passes the filter, and is more than the topic takes: 256 KiB.
    metadata = {"record-type": "data", "operation": "insert", "schema-name": "public", "table-name": "outbox"}
    poison = json.dumps({"data": {"payload": "x" * 300_000}, "metadata": metadata})
    kinesis = system.twin.emulator.client("kinesis")
    kinesis.put_record(StreamName=system.outputs["stream_name"], Data=poison.encode(), PartitionKey="1")
    kinesis.put_record(StreamName=system.outputs["stream_name"], Data=b"\xff not json", PartitionKey="1")
    client_id = system.new_client()
    system.place(client_id)
    system.converged(client_id)
    until(lambda: depth(sqs, dead) == 1, what="poison in the pipe's DLQ")
    sqs.purge_queue(QueueUrl=dead)


def test_an_event_that_comes_twice_and_late_changes_nothing(system: System, queues: Any) -> None:
    client_id = system.new_client()
    for _ in range(3):
        system.place(client_id)
    system.converged(client_id)
    before = system.client.client(client_id).json()
    url = system.outputs["project_clients_queue_url"]
    rows = system.rows(
        "select id, event_type, version, payload, occurred_at from outbox where aggregate_id = %s", str(client_id)
    )
    for id_, event_type, version, payload, occurred_at in rows * 2:
        row = {
            "id": id_,
            "aggregate_type": "client",
            "aggregate_id": str(client_id),
            "event_type": event_type,
            "version": version,
            "payload": payload,
            "occurred_at": occurred_at.isoformat().replace("+00:00", "Z"),
        }
        metadata = {"record-type": "data", "operation": "insert", "schema-name": "public", "table-name": "outbox"}
        queues.send_message(QueueUrl=url, MessageBody=json.dumps({"data": row, "metadata": metadata}))
    until(lambda: depth(queues, url) == 0, what="queue worked off")
    assert system.client.client(client_id).json() == before
    system.converged(client_id)
    assert depth(queues, system.outputs["project_clients_dead_letter_url"]) == 0
