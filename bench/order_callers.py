"""Processes that call handlers of orders, as many as there are connections: `python -m bench.order_callers` is one.

A process reads a JSON object a line, calls the handler that it names, one call after the other, and answers with a
line: when it began and ended (monotonic seconds, one clock for all processes), what each call took (ms), and how long
it kept a processor busy (s). Connections stay open from one line to the next.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import IO, Any, cast

from bench.frame.registry import FOLDER
from bench.functions import gateway_event, unheard
from bench.order_ways import WAYS, Handler, order_body
from bench.shop import Target


class Callers:
    """Processes that are ready for work until closed."""

    def __init__(self, processes: int) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.order_callers"],
                cwd=FOLDER.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]

    def close(self) -> None:
        """End them."""
        for process in self._processes:
            process.communicate()

    def place(self, way: str, target: Target, clients: int, orders: int, callers: int) -> Mapping[str, float]:
        """Place orders of random ones of the first `clients` clients through `callers` processes at once.

        Raises:
            RuntimeError: a process ended; what it said is on standard error.
        """
        work = {"way": way, "target": asdict(target), "clients": clients, "orders": orders // callers}
        called = self._processes[:callers]
        for process in called:
            print(json.dumps(work), file=process.stdin, flush=True)
        answers = [json.loads(_line(process)) for process in called]
        return figures(
            took=[took for answer in answers for took in answer["took"]],
            seconds=max(answer["ended"] for answer in answers) - min(answer["begun"] for answer in answers),
            busy=sum(answer["busy"] for answer in answers),
        )


def figures(took: list[float], seconds: float, busy: float) -> Mapping[str, float]:
    """The measures of one run from the milliseconds of its calls, its duration and its callers' processor seconds."""
    return {
        "rate": len(took) / seconds,
        "p50": statistics.median(took),
        "p99": statistics.quantiles(took, n=100)[98],
        "busy": busy * 1e6 / len(took),
    }


def _line(process: subprocess.Popen[str]) -> str:
    line = cast("IO[str]", process.stdout).readline()
    if not line:
        raise RuntimeError(f"A caller ended with exit code {process.wait()}.")
    return line


def _work(handler: Handler, clients: int, orders: int, chance: random.Random) -> dict[str, Any]:
    events = [gateway_event("POST", "/orders", body=order_body(chance.randint(1, clients))) for _ in range(orders)]
    took, begun, busy = [], time.monotonic(), time.process_time()
    for event in events:
        start = time.perf_counter()
        answer = handler(event)
        took.append((time.perf_counter() - start) * 1000)
        if answer["statusCode"] != 201:
            raise RuntimeError(f"An order was answered with {answer}.")
    return {"took": took, "begun": begun, "ended": time.monotonic(), "busy": time.process_time() - busy}


def main() -> None:
    """Do what the lines of standard input say, until they end."""
    handlers: dict[tuple[str, Target], Handler] = {}
    chance = random.Random()  # noqa: S311 - clients, no secrets
    for line in sys.stdin:
        work = json.loads(line)
        key = work["way"], Target(**work["target"])
        if key not in handlers:
            handlers[key] = WAYS[work["way"]](key[1])
        with unheard():
            answer = _work(handlers[key], work["clients"], work["orders"], chance)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
