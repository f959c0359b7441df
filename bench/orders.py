"""What an order costs: the handler of place_order beside pgbench with its statement, and beside separate statements."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from bench.frame.load import busy_s
from bench.order_callers import Callers, figures
from bench.order_ways import AT_ONCE, DRIVER, LINES, NAP, OURS, SEPARATE
from bench.shop import Target, open_shop
from functions.place_order.store import STATEMENT
from twin.proxy import Proxy
from twin.servers.postgres import PostgresServer, binaries

PGBENCH = "pgbench"
BUSY = Measure("busy", "us an order", better="less")
MEASURES = (
    Measure("rate", "orders/s"),
    Measure("p50", "ms", better="less"),
    Measure("p99", "ms", better="less"),
    BUSY,
)
CONNECTIONS = 8
# Each way, so that a round trip takes a millisecond longer.
DELAY_S = 0.0005


class Shop:
    """A migrated database with clients enough, and ways to place orders in it."""

    def __init__(self, server: PostgresServer, database: str, clients: int, callers: Callers, folder: Path) -> None:
        self._clients, self._callers, self._folder = clients, callers, folder
        self._app, self._master = open_shop(server, database, clients)
        self._server = server

    def ways(
        self, orders: int, connections: int, port: int | None = None, hot: bool = False
    ) -> dict[str, Callable[[], Mapping[str, float]]]:
        """The ways by name; hot: all orders are of one client."""
        clients = 1 if hot else self._clients
        app = replace(self._app, port=port or self._app.port)
        # As in the sample, where all is done as the master.
        master = replace(self._master, port=app.port)
        return {
            PGBENCH: lambda: self._pgbench(app, clients, orders, connections),
            OURS: lambda: self._callers.place(OURS, app, clients, orders, connections),
            SEPARATE: lambda: self._callers.place(SEPARATE, master, clients, orders, connections),
        }

    def parts(self, orders: int) -> dict[str, Callable[[], Mapping[str, float]]]:
        """What the handler stands on, and its own work."""
        return {
            way: partial(self._callers.place, way, self._app, self._clients, orders, 1)
            for way in (DRIVER, AT_ONCE, NAP)
        }

    def server_us(self, orders: int) -> float:
        """Microseconds of a processor that an order takes the server, all of its processes together."""
        before = self._server_s()
        self._pgbench(self._app, self._clients, orders, CONNECTIONS)
        return (self._server_s() - before) * 1e6 / orders

    def _server_s(self) -> float:
        pid = self._server.process.pid
        return 0.0 if pid is None else sum(busy_s(pid))

    def _pgbench(self, target: Target, clients: int, orders: int, connections: int) -> Mapping[str, float]:
        script, log = self._folder / "place_order.sql", self._folder / "pgbench_log"
        script.write_text(pgbench_script(clients))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [
                binaries() / "pgbench", "--no-vacuum", "--protocol=prepared", f"--file={script}", "--log",
                f"--log-prefix={log}", f"--client={connections}", f"--transactions={orders // connections}",
                f"--host={target.host}", f"--port={target.port}", f"--username={target.user}", target.name,
            ],
            env={**os.environ, "PGPASSWORD": target.password}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took, ends = [], []
        for path in self._folder.glob(f"{log.name}.*"):
            for line in path.read_text().splitlines():
                # client, transaction, microseconds, script, and the end's seconds and microseconds
                _, _, microseconds, _, second, rest = line.split()
                took.append(int(microseconds) / 1000)
                ends.append(int(second) + int(rest) / 1e6)
            path.unlink()
        begun = min(end - one / 1000 for end, one in zip(ends, took, strict=True))
        busy = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
        return figures(took, max(ends) - begun, busy)


def pgbench_script(clients: int) -> str:
    """The handler's own statement, with values of the same length; each call has a key of its own, as there."""
    products, quantities = (f"'{{{','.join(map(str, each))}}}'" for each in zip(*LINES, strict=True))
    values = ("'call-' || lpad(:key::text, 32, '0')", f"'{'0' * 64}'", "24", ":client", products, quantities, "null")
    return (
        f"\\set client random(1, {clients})\n\\set key random(1, {2**62})\n"
        f"{STATEMENT.replace('%s', '{}').format(*values)};\n"
    )


def cases(place: Place) -> Iterator[Case]:
    """One connection and eight, as they are and with a network between; then eight that want the same client."""
    server = PostgresServer(place.folder / "postgres", settings={"max_wal_size": "4GB"})
    place.stack.callback(server.remove)
    callers = Callers(CONNECTIONS)
    place.stack.callback(callers.close)
    server.start()
    shop = Shop(server, "postgres", place.sizes["clients"], callers, place.folder)
    orders, far = place.sizes["orders"], place.sizes["far"]
    place.notes.append(
        f"PostgreSQL keeps a processor busy for {shop.server_us(orders):.0f} us an order (pgbench, {CONNECTIONS} "
        "connections)."
    )
    proxy = place.stack.enter_context(Proxy(server.port))
    proxy.slow(DELAY_S)
    against = [Goal(OURS, against=SEPARATE, least=3)]
    alone, many = shop.ways(orders, 1), shop.ways(orders, CONNECTIONS)
    hot = shop.ways(orders, CONNECTIONS, hot=True)
    parts = shop.parts(orders)
    goals = [Goal(OURS, against=PGBENCH, least=0.8), *against]
    yield Case("one connection", MEASURES, {**alone, DRIVER: parts.pop(DRIVER)}, PGBENCH, goals)
    yield Case("the handler's own work", [BUSY, *MEASURES[:-1]], parts, AT_ONCE)
    yield Case(f"{CONNECTIONS} connections", MEASURES, many, PGBENCH)
    yield Case("one connection, 1 ms away", MEASURES, shop.ways(far, 1, proxy.port), PGBENCH, against)
    # On a machine of two processors this is full again, network or not: no goal.
    yield Case(f"{CONNECTIONS} connections, 1 ms away", MEASURES, shop.ways(far, CONNECTIONS, proxy.port), PGBENCH)
    yield Case(
        f"one client's orders beside many clients', {CONNECTIONS} connections",
        MEASURES,
        {
            f"{OURS}, many clients": many[OURS],
            f"{OURS}, one client": hot[OURS],
            f"{PGBENCH}, one client": hot[PGBENCH],
        },
        f"{OURS}, many clients",
    )


BENCHMARKS = (
    Benchmark(
        name="orders",
        title="Orders: the handler beside its statement alone",
        about=(
            "The handler takes API Gateway's event and gives its answer; pgbench executes the same statement, prepared "
            "once for each connection, and nothing else. `separate statements` is a tutorial's handler: the statements "
            "of the sample that this system is compared with, over the same tables and driver, without checks, "
            "idempotency, the client's new state or a log line; `psycopg2 alone` is the handler's statement in a bare "
            "loop. Each of several connections has a process of its own, as functions have, and all share the server's "
            "processors. `busy` is what the callers keep a processor busy with; the handler's own work is that with a "
            "store that answers at once, or after 0.6 ms asleep, as long as PostgreSQL takes. `1 ms away`: a proxy "
            "makes each round trip a millisecond longer."
        ),
        cases=cases,
        rounds=5,
        sizes={"orders": 1_500, "far": 240, "clients": 1_000},
    ),
)
