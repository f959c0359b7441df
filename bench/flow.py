"""The whole flow on the twin: how many orders a second it takes, and how long one takes to be readable under load."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator, Mapping

from bench.flow_ways import CALLERS, EMULATOR, PASSED, FunctionsAlone, WholeFlow
from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from bench.functions import valkey
from bench.order_ways import ours
from bench.shop import open_shop
from twin.folder import TwinFolder
from twin.servers.postgres import PostgresServer
from twin.system import Twin

WHOLE, ALONE = "whole flow", "functions alone"
SHARES = {"10 %": 0.1, "50 %": 0.5, "90 %": 0.9}
BATCH = 10
LATENCIES = ("p50", "p95", "p99", "answered, p50", "answered, p99", *(f"{hop}, p50" for hop in PASSED))


def cases(place: Place) -> Iterator[Case]:
    """As fast as it goes, then at shares of that."""
    alone = _alone(place)
    twin = Twin(TwinFolder(place.folder / "twin"))
    place.stack.callback(twin.down)
    flow = WholeFlow(twin, twin.up(), place.sizes["clients"])
    orders = place.sizes["orders"]
    rates: list[float] = []

    def sustained() -> Mapping[str, float]:
        values = flow.sustained(orders)
        rates.append(values["rate"])
        return values

    yield Case(
        "as fast as it goes",
        [Measure("rate", "orders/s"), Measure("busy", "us an order", better="less")],
        {WHOLE: sustained, ALONE: lambda: alone.run(orders)},
        WHOLE,
    )
    # The first run was for warmth.
    rate = statistics.median(rates[1:] or rates)
    place.notes.append(_parts(flow.parts))

    def at(share: float) -> Callable[[], Mapping[str, float]]:
        return lambda: flow.paced(rate * share, place.sizes["seconds"])

    yield Case(
        "commit to readable",
        [Measure(name, "ms", better="less") for name in LATENCIES],
        {name: at(share) for name, share in SHARES.items()},
        "10 %",
        [Goal("50 %", most=150), Goal("50 %", most=500, measure="p99")],
        warm=0,
    )
    place.notes.append(f"The shares are of {rate:.1f} orders a second.")


def _alone(place: Place) -> FunctionsAlone:
    server = PostgresServer(place.folder / "postgres")
    place.stack.callback(server.remove)
    server.start()
    cache = valkey(place.folder, place.stack)
    app, master = open_shop(server, "postgres", place.sizes["clients"])
    servers = [pid for pid in (server.process.pid, cache.process.pid) if pid is not None]
    alone = FunctionsAlone(ours(app), master, servers, place.sizes["clients"], BATCH)
    place.stack.callback(alone.close)
    return alone


def _parts(parts: Mapping[str, float]) -> str:
    total = sum(parts.values())
    # Without the stack's name and what Pulumi adds to names, which is another each time.
    found = [
        f"{re.sub('-orders-local|-[0-9a-f]{8}$', '', part)} {parts[part]:,.0f}"
        for part in sorted(parts, key=parts.__getitem__, reverse=True)
        if parts[part] >= total / 1000
    ]
    return (
        f"Processor time of the whole flow, as fast as it goes, in us an order: {', '.join(found)}; callers are not "
        f"counted. Without the emulator itself {total - parts[EMULATOR]:,.0f}, which is "
        f"{1 - parts[EMULATOR] / total:.0%} of it."
    )


BENCHMARKS = (
    Benchmark(
        name="flow",
        title="Whole flow: orders through the twin",
        about=(
            "Orders over HTTP from "
            f"{CALLERS} callers to a twin of their own, until the read model has the last one: first as many as get "
            "answers, which is the rate that the whole keeps up with on this machine, then at shares of that, "
            "sent on time whether earlier ones are answered or not. `p50` to `p99` are from the commit, which is "
            "before its caller has the answer, until the projector has written it; `answered` is what the "
            "caller waited for its 201; the rest is each hop's own share. `functions alone` are the same functions "
            f"called in one process, one order after the other, their events projected in batches of {BATCH}: what is "
            "left without gateway, authorizer, mails, capture, stream, pipe, topic, queues and all processes' reading "
            "and writing of what passes between them. All share the machine, so nothing here tells of AWS."
        ),
        cases=cases,
        rounds=3,
        sizes={"orders": 300, "seconds": 6, "clients": 20},
    ),
)
