"""The whole system, from the Pulumi program: an order goes in over HTTP and comes out of the read model."""

from __future__ import annotations

import base64
import json
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


def test_the_first_orders_travel_every_hop(system: System) -> None:
    seen = {journey.event_id for journey in system.twin.journal.all()}
    client_id = system.new_client()
    system.place(client_id)
    system.converged(client_id)
    until(lambda: [one for one in system.twin.journal.all() if one.event_id not in seen and "projected" in one.at])
    (journey,) = [one for one in system.twin.journal.all() if one.event_id not in seen]
    assert set(journey.at) == set(HOPS) - {"readable"}


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
