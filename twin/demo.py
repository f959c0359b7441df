"""`make demo`: one order through every hop, then enough of them to tell how long each hop takes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from twin import mails
from twin.client import ApiError, OrdersClient
from twin.flow import HOPS, FlowJournal, Journey

REFERENCE_CLIENT = 1
REFERENCE_PRODUCTS = ((1, 1), (2, 3))
REFERENCE_TOTAL = 3000.0
MEASURED_ORDERS = 30
WAIT_S = 20.0

HOP_TEXT: Mapping[str, str] = {
    "log": "read from the log (DMS)",
    "stream": "put (Kinesis)",
    "pipe": "read, filtered (Pipes)",
    "topic": "published (SNS)",
    "queue": "received (SQS)",
    "projected": "written (Lambda, Valkey)",
    "readable": "read over HTTP",
}


def run(console: Console, outputs: Mapping[str, Any], journal: FlowJournal, endpoint: str) -> None:
    """Place the reference's order, read it back, then measure each hop over more orders, and count the mails.

    Args:
        endpoint: base URL of the twin's AWS.

    Raises:
        TwinError: an answer was not what it should be, or an event or a mail did not arrive.
    """
    with OrdersClient(outputs) as client:
        _reference_order(console, client)
        samples = [_measured_order(client, journal, 1 + number % 3) for number in range(MEASURED_ORDERS)]
    console.print(_latencies([journey for journey, _ in samples], [accepted_ms for _, accepted_ms in samples]))
    _mails(console, endpoint, 1 + len(samples))


def _reference_order(console: Console, client: OrdersClient) -> None:
    body = {
        "id_client": REFERENCE_CLIENT,
        "products": [{"id_product": product, "quantity": quantity} for product, quantity in REFERENCE_PRODUCTS],
    }
    console.print(f"[bold]POST /orders[/] {json.dumps(body)}", soft_wrap=True)
    answer = _place(client, REFERENCE_CLIENT, REFERENCE_PRODUCTS)
    console.print(f"  [green]201[/] {json.dumps(answer)}", soft_wrap=True)
    console.print(f"[bold]GET /clients/{REFERENCE_CLIENT}[/]")
    state = client.wait_for_version(REFERENCE_CLIENT, answer["client_version"], WAIT_S)
    console.print(f"  [green]200[/] {json.dumps(state)}", soft_wrap=True)
    if state["total"] != REFERENCE_TOTAL:
        raise ApiError(f"The total of client {REFERENCE_CLIENT} is {state['total']}, not {REFERENCE_TOTAL}.")


def _mails(console: Console, endpoint: str, orders: int) -> None:
    """The second consumer of the same events: a mail for each order, and no more."""
    found = mails.wait_for(endpoint, orders, WAIT_S)
    if len(found) != orders:
        raise ApiError(f"{len(found)} mails were sent for {orders} orders.")
    first = found[0]
    console.print(f"[bold]Mails[/] {orders}, one for each order; the first to {first.to[0]}: {first.subject}")


def _place(client: OrdersClient, client_id: int, products: Sequence[tuple[int, int]]) -> dict[str, Any]:
    response = client.order(client_id, products)
    if response.status_code != httpx.codes.CREATED:
        raise ApiError(f"POST /orders answered {response.status_code} {response.text}")
    answer: dict[str, Any] = response.json()
    return answer


def _measured_order(client: OrdersClient, journal: FlowJournal, client_id: int) -> tuple[Journey, float]:
    # One order at a time: the event committed since is the order's. (Others of the start may still be on their way.)
    since = time.time()
    answer = _place(client, client_id, ((3, 1),))
    accepted = time.time()
    client.wait_for_version(client_id, answer["client_version"], WAIT_S)
    readable = time.time()
    journey = journal.committed(since, WAIT_S)
    if journey is None or journal.wait(journey.event_id, "projected", WAIT_S) is None:
        raise ApiError(f"The event of order {answer['id_order']} was not seen at every hop.")
    journal.note(journey.event_id, "readable", readable)
    return journey, (readable - accepted) * 1000


def _latencies(journeys: Sequence[Journey], accepted_ms: Sequence[float]) -> Table:
    table = Table(title=f"Latency of each hop over {len(journeys)} orders, one at a time", title_justify="left")
    table.add_column("hop")
    table.add_column("what happens")
    for name in ("min ms", "median ms", "max ms"):
        table.add_column(name, justify="right")
    for hop in HOPS[1:]:
        values = [value for journey in journeys if (value := journey.latency_ms(hop)) is not None]
        if len(values) != len(journeys):
            raise ApiError(f"Only {len(values)} of {len(journeys)} events were seen at the hop {hop!r}.")
        table.add_row(hop, HOP_TEXT[hop], *_figures(values))
    table.add_section()
    table.add_row("[bold]all[/]", "[bold]201 until readable[/]", *_figures(accepted_ms))
    return table


def _figures(values: Sequence[float]) -> tuple[str, str, str]:
    return f"{min(values):.1f}", f"{statistics.median(values):.1f}", f"{max(values):.1f}"
