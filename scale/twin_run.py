"""What the twin took at some rates: measured once on one machine, kept in twin_run.json, and what the model is held to.

    python -m scale.twin_run

Brings the twin up in a folder of its own and places orders in its database at times drawn beforehand. (Over HTTP the
emulator's gateway would be measured too, which the model leaves out.) Times are those that the twin's processes report:
from the commit to the end of the projector's invocation. The page is written from the file that it leaves.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from twin.flow import HOPS, FlowJournal
from twin.folder import TwinFolder
from twin.system import Twin

FILE = Path(__file__).with_name("twin_run.json")
SEED = 9
RATES = (2, 10, 20, 40)
SECONDS = 20
_WARM = 20
_WAIT_S = 60
# The hops between a commit and the read model.
PASSED = HOPS[1:-1]


@dataclass(frozen=True)
class Step:
    """What was seen at one rate.

    Attributes:
        rate: orders a second that were to be placed.
        reached: orders a second that were committed.
        hops_ms: by hop, the milliseconds that each order took from the hop before.
        whole_ms: from commit to projected, each order.
        load: the machine's load average at its end.
    """

    rate: float
    reached: float
    hops_ms: dict[str, list[float]]
    whole_ms: list[float]
    load: float

    def quantile(self, percent: int) -> float:
        """A quantile of the whole way, in ms."""
        return statistics.quantiles(self.whole_ms, n=100)[percent - 1]


@dataclass(frozen=True)
class TwinRun:
    """All steps, with the day and the processors of the machine that it was."""

    date: str
    processors: int
    seed: int
    steps: list[Step]


def read() -> TwinRun:
    """The run that was kept."""
    kept = json.loads(FILE.read_text())
    return TwinRun(kept["date"], kept["processors"], kept["seed"], [Step(**step) for step in kept["steps"]])


def measure(rates: Sequence[float] = RATES, seconds: float = SECONDS, seed: int = SEED) -> TwinRun:
    """Bring the twin up, place orders at each rate, and take it down."""
    with tempfile.TemporaryDirectory(prefix="scale-twin-") as name:
        twin = Twin(TwinFolder(Path(name) / "twin"))
        try:
            with closing(_connect(twin, twin.up())) as connection, connection.cursor() as cursor:
                chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
                # They start the function's process.
                _place(cursor, [float(number) / _WARM for number in range(_WARM)])
                _settled(twin.journal, _WARM)
                steps = [_step(cursor, twin.journal, rate, seconds, chance) for rate in rates]
        finally:
            twin.down()
    return TwinRun(datetime.now(UTC).date().isoformat(), os.cpu_count() or 1, seed, steps)


def _connect(twin: Twin, outputs: Mapping[str, Any]) -> Connection:
    text = twin.emulator.client("secretsmanager").get_secret_value(SecretId=outputs["master_secret_arn"])
    secret = json.loads(text["SecretString"])
    connection = psycopg2.connect(
        host=outputs["database_host"],
        port=int(outputs["database_port"]),
        dbname=outputs["database_name"],
        user=secret["username"],
        password=secret["password"],
    )
    connection.autocommit = True
    return connection


def _step(cursor: Cursor, journal: FlowJournal, rate: float, seconds: float, chance: random.Random) -> Step:
    known = len(journal.all())
    times: list[float] = []
    while not times or times[-1] < seconds:
        times.append((times[-1] if times else 0.0) + chance.expovariate(rate))
    arrived = _arrived(journal)
    _place(cursor, times)
    _settled(journal, arrived + len(times))
    journeys = journal.all()[known:]
    commits = [journey.at["commit"] for journey in journeys]
    return Step(
        rate=rate,
        reached=round((len(commits) - 1) / (max(commits) - min(commits)), 2),
        hops_ms={hop: [round(journey.latency_ms(hop) or 0.0, 2) for journey in journeys] for hop in PASSED},
        whole_ms=[round((journey.at["projected"] - journey.at["commit"]) * 1000, 2) for journey in journeys],
        load=round(os.getloadavg()[0], 2),
    )


def _place(cursor: Cursor, times: Sequence[float]) -> None:
    begun = time.monotonic()
    for number, at in enumerate(times):
        time.sleep(max(0.0, begun + at - time.monotonic()))
        cursor.execute(
            "select place_order(%s, 'hash', interval '1 day', %s, array[1, 2]::bigint[], array[1, 3])",
            (str(uuid.uuid4()), 1 + number % 3),
        )


def _arrived(journal: FlowJournal) -> int:
    # The events of the seed's clients were there before the capture, and have no time of a commit.
    return sum("projected" in journey.at and "commit" in journey.at for journey in journal.all())


def _settled(journal: FlowJournal, orders: int) -> None:
    deadline = time.monotonic() + _WAIT_S
    while True:
        missing = orders - _arrived(journal)
        if missing <= 0:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{missing} of {orders} orders did not arrive within {_WAIT_S} s.")
        time.sleep(0.05)


def main() -> int:
    """Measure and keep."""
    FILE.write_text(json.dumps(asdict(measure()), separators=(",", ":")) + "\n")
    for step in read().steps:
        sys.stdout.write(
            f"{step.rate:g}/s: p50 {step.quantile(50):.0f} ms, p99 {step.quantile(99):.0f} ms, load {step.load}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
