"""What a query costs beside the bare command that it stands on."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.events import batches
from bench.frame.benchmark import Benchmark, Case, Measure, Place
from bench.functions import bare_client, gateway_event, unheard, valkey
from functions.common.read_model import KEPT_ORDERS, client_key, orders_key

MEASURES = (
    Measure("rate", "calls/s"),
    Measure("p50", "ms", better="less"),
    Measure("p99", "ms", better="less"),
)
HGETALL, GET_CLIENT = "bare HGETALL", "get_client"
ZRANGE, LIST_ORDERS = "bare ZRANGE", "list_orders"


def cases(place: Place) -> Iterator[Case]:
    """One client's state, and its last orders, of clients that all have as many orders as are kept."""
    from functions.get_client import handler as get_client
    from functions.list_orders import handler as list_orders
    from functions.project_clients import handler as project_clients

    server = valkey(place.folder, place.stack)
    cache = bare_client(server)
    place.stack.callback(cache.close)
    clients, calls = place.sizes["clients"], place.sizes["calls"]
    project_clients.read_model.cache_clear()
    with unheard():
        for batch in batches(clients, clients * KEPT_ORDERS, 1_000):
            project_clients.handle(batch, None)
    ids = [number % clients + 1 for number in range(calls)]

    def bare(command: Callable[[int], object]) -> Callable[[], Mapping[str, float]]:
        return lambda: timed(command, ids)

    def handled(handle: Callable[[dict[str, Any], object], dict[str, Any]], route: str) -> Mapping[str, float]:
        def call(client: int) -> None:
            answer = handle(gateway_event("GET", route, client), None)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"{route} answered {answer['statusCode']} {answer['body']}")

        with unheard():
            return timed(call, ids)

    get_client.views.cache_clear()
    list_orders.views.cache_clear()
    yield Case(
        "a client",
        MEASURES,
        {
            HGETALL: bare(lambda client: cache.hgetall(client_key(client))),
            GET_CLIENT: lambda: handled(get_client.handle, "/clients/{id}"),
        },
        HGETALL,
    )
    yield Case(
        f"a client's last {KEPT_ORDERS} orders",
        MEASURES,
        {
            ZRANGE: bare(lambda client: cache.zrange(orders_key(client), 0, KEPT_ORDERS - 1, desc=True)),
            LIST_ORDERS: lambda: handled(list_orders.handle, "/clients/{id}/orders"),
        },
        ZRANGE,
    )


def timed(call: Callable[[int], object], ids: list[int]) -> Mapping[str, float]:
    """One call after the other; their rate, and how long the middle one and the slowest hundredth took."""
    took, begun = [], time.perf_counter()
    for client in ids:
        start = time.perf_counter()
        call(client)
        took.append((time.perf_counter() - start) * 1000)
    rate = len(ids) / (time.perf_counter() - begun)
    return {"rate": rate, "p50": statistics.median(took), "p99": statistics.quantiles(took, n=100)[98]}


BENCHMARKS = (
    Benchmark(
        name="queries",
        title="Queries: a handler beside the bare command",
        about=(
            "The handler takes API Gateway's event and gives its answer, with everything between: the request's parts, "
            "the read, the JSON, the entity tag, a log line and a metric. The bare command is one round trip of the "
            "same driver, which parses the answer. One connection on loopback, one call after the other: on AWS a "
            "network is between, and the two come closer."
        ),
        cases=cases,
        rounds=7,
        sizes={"clients": 200, "calls": 2_000},
    ),
)
