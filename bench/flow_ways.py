"""Orders through the whole twin, and through its functions alone."""

from __future__ import annotations

import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2

from bench.frame.load import busy_s
from bench.functions import gateway_event, unheard
from bench.order_ways import Handler, order_body
from bench.shop import Target
from drills.caller import CREATED, Caller
from drills.ledger import Ledger, Outcome
from drills.load import Load
from twin.flow import HOPS, Journey
from twin.system import Twin

EMULATOR, FUNCTIONS = "emulator", "functions"
CALLERS = 8
WAIT_S = 120.0
POLL_S = 0.05
# The hops between a commit and the read model.
PASSED = HOPS[1:-1]


class WholeFlow:
    """A twin that is up, with clients of its own."""

    def __init__(self, twin: Twin, outputs: Mapping[str, Any], clients: int) -> None:
        self._twin, self._outputs = twin, outputs
        caller = Caller(outputs)
        self._clients = [self._register(caller, number) for number in range(clients)]
        caller.close()
        # Of the last time that orders were placed as fast as could be: processor time of each part, in us an order.
        self.parts: Mapping[str, float] = {}

    @staticmethod
    def _register(caller: Caller, number: int) -> int:
        body = {"name": f"Client {number}", "email": f"client{number}@shop.example"}
        status, document = caller.call("POST", "/clients", body)
        if status != CREATED:
            raise RuntimeError(f"POST /clients answered {status} {document}")
        return int(document["id_client"])

    def sustained(self, orders: int) -> Mapping[str, float]:
        """Place orders as fast as callers get answers, until the last one is readable."""
        before, begun, since = self._busy(), time.monotonic(), time.time()
        with self._load(since, None, orders) as load:
            _until(lambda: load.done, "answer")
        self._readable(since, load.accepted)
        seconds = time.monotonic() - begun
        self.parts = {part: (busy - before[part]) * 1e6 / orders for part, busy in self._busy().items()}
        return {"rate": orders / seconds, "busy": sum(self.parts.values())}

    def paced(self, rate: float, seconds: float) -> Mapping[str, float]:
        """Place orders at a rate, answered or not, and tell how long they took to be readable, whole and by hop."""
        since = time.time()
        with self._load(since, rate, max(2, round(rate * seconds))) as load:
            _until(lambda: load.done, "answer")
        journeys = self._readable(since, load.accepted)
        whole = [(journey.at["projected"] - journey.at["commit"]) * 1000 for journey in journeys]
        percentiles = statistics.quantiles(whole, n=100, method="inclusive")
        answered = statistics.quantiles([took * 1000 for took in load.took_s], n=100, method="inclusive")
        return {
            "p50": percentiles[49], "p95": percentiles[94], "p99": percentiles[98],
            "answered, p50": answered[49], "answered, p99": answered[98],
            **{
                f"{hop}, p50": statistics.median(journey.latency_ms(hop) or 0.0 for journey in journeys)
                for hop in PASSED
            },
        }  # fmt: skip

    @contextmanager
    def _load(self, since: float, rate: float | None, orders: int) -> Iterator[Load]:
        ledger = Ledger()
        with Load(
            self._outputs, ledger, self._clients, rate=rate, callers=CALLERS, most=orders, name=f"bench-{since}"
        ) as load:
            yield load
        failed = [entry for entry in ledger.entries if entry.outcome is not Outcome.ACCEPTED]
        if failed:
            raise RuntimeError(f"{len(failed)} of {orders} orders were not accepted, the first: {failed[0]}")

    def _readable(self, since: float, orders: int) -> Sequence[Journey]:
        found: list[Journey] = []

        def arrived() -> bool:
            found[:] = [
                journey
                for journey in self._twin.journal.all()
                if "projected" in journey.at and journey.at.get("commit", 0.0) >= since
            ]
            return len(found) >= orders

        _until(arrived, "arrive")
        return found

    def _busy(self) -> dict[str, float]:
        """Processor seconds of each part so far. The functions run in children of the emulator."""
        found = {EMULATOR: 0.0, FUNCTIONS: 0.0}
        for name, process in self._twin.supervisor.processes.items():
            if process.pid is None:
                continue
            own, children = busy_s(process.pid)
            if name == self._twin.emulator.process.name:
                found[EMULATOR], found[FUNCTIONS] = own, children
            else:
                found[name] = own + children
        return found


class FunctionsAlone:
    """The same functions called in one process, with nothing in between: the events are fetched from the outbox."""

    def __init__(self, handler: Handler, master: Target, servers: Sequence[int], clients: int, batch: int) -> None:
        from functions.project_clients import handler as project_clients

        project_clients.read_model.cache_clear()
        self._place, self._project, self._clients, self._batch = handler, project_clients.handle, clients, batch
        self._servers = servers
        self._connection = psycopg2.connect(
            host=master.host, port=master.port, dbname=master.name, user=master.user, password=master.password
        )
        self._connection.autocommit = True

    def close(self) -> None:
        """Close the connection to the outbox."""
        self._connection.close()

    def run(self, orders: int) -> Mapping[str, float]:
        """Place orders one after the other, and bring the events of each batch into the read model."""
        before, begun = self._busy(), time.monotonic()
        with unheard():
            for start in range(0, orders, self._batch):
                since = self._ask("select clock_timestamp()")[0][0]
                for number in range(start, min(start + self._batch, orders)):
                    answer = self._place(gateway_event("POST", "/orders", body=order_body(number % self._clients + 1)))
                    if answer["statusCode"] != CREATED:
                        raise RuntimeError(f"An order was answered with {answer}.")
                rows = self._ask("select row_to_json(o)::text from outbox o where occurred_at >= %s", since)
                failed = self._project({"Records": [_message(*row) for row in rows]}, None)["batchItemFailures"]
                if failed:
                    raise RuntimeError(f"{len(failed)} of {len(rows)} events failed.")
        busy = self._busy() - before
        return {"rate": orders / (time.monotonic() - begun), "busy": busy * 1e6 / orders}

    def _busy(self) -> float:
        # The twin is idle meanwhile, and its processes are children of this one.
        return time.process_time() + sum(sum(busy_s(server)) for server in self._servers)

    def _ask(self, statement: str, *values: object) -> Sequence[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()


def _message(row: str) -> dict[str, Any]:
    metadata = {"record-type": "data", "operation": "insert", "schema-name": "public", "table-name": "outbox"}
    return {
        "messageId": secrets.token_hex(8),
        "body": json.dumps({"data": json.loads(row), "metadata": metadata}),
        "attributes": {"ApproximateReceiveCount": "1"},
    }


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Some orders did not {what} within {WAIT_S:.0f} s.")
        time.sleep(POLL_S)
