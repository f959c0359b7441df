"""Runs drills on one twin, each with the check of every invariant at its end."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from drills.errors import DrillError
from drills.registry import Drill
from drills.result import Result
from drills.scene import Scene
from twin.errors import TwinError
from twin.folder import TwinFolder
from twin.system import Twin

# The limits of retries are those of the program; only a consumer's time is shorter, so that a drill waits less.
CONFIG = {"consumerTimeout": 10}
# A soak is ahead of its mails by far: more of them at once.
SOAK = {**CONFIG, "mailConcurrency": 10}
# Seconds for which a message is hidden: above the function's timeout, as Lambda asks for, and not six times that, so
# that what failed comes back while a drill waits.
HIDDEN_S = 12


@contextmanager
def running(config: Mapping[str, Any]) -> Iterator[tuple[Twin, dict[str, Any]]]:
    """Bring a twin up for drills, in a folder of its own, and take it down."""
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        twin = Twin(TwinFolder(Path(name) / "twin"), config=dict(config))
        try:
            outputs = twin.up()
            sqs = twin.emulator.client("sqs")
            for name in [name for name in outputs if name.endswith("_queue_url")]:
                sqs.set_queue_attributes(QueueUrl=outputs[name], Attributes={"VisibilityTimeout": str(HIDDEN_S)})
            twin.emulator.save()
            yield twin, outputs
        finally:
            twin.down()


def shuffled(drills: Sequence[Drill], seed: int) -> list[Drill]:
    """The drills in the order of this seed."""
    order = list(drills)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, no secret
    return order


def run(one: Drill, twin: Twin, outputs: dict[str, Any], seed: int) -> Result:
    """Run a drill and check every invariant.

    Raises:
        DrillError: a promise was not kept, or the system did not recover.
    """
    begun = time.monotonic()
    # A seed of its own by its name: it meets the same chances alone as among the others.
    scene = Scene(twin, outputs, seed=random.Random(f"{seed} {one.name}").randrange(2**32))  # noqa: S311
    one.run(scene)
    scene.finish()
    scene.result.took_s = time.monotonic() - begun
    return scene.result


def run_all(
    drills: Sequence[Drill],
    seed: int,
    console: Console,
    results: dict[str, Result | str],
    config: Mapping[str, Any] = CONFIG,
) -> None:
    """Run drills in the order of a seed; notes for each its figures, or what was broken.

    After a drill that failed the next ones get a twin of their own.
    """
    waiting = shuffled(drills, seed)
    while waiting:
        with running(config) as (twin, outputs):
            while waiting:
                one = waiting.pop(0)
                console.print(f"{one.name} ... ", end="")
                try:
                    results[one.name] = result = run(one, twin, outputs, seed)
                except Exception as error:  # noqa: BLE001 - whatever it is, the next drill is to run
                    known = isinstance(error, (DrillError, TwinError))
                    results[one.name] = str(error) if known else f"{type(error).__name__}: {error}"
                    console.print("[red]FAILED[/]", soft_wrap=True)
                    console.print(results[one.name], markup=False, soft_wrap=True)
                    console.print(f"Again: make drill ONLY={one.name} SEED={seed}")
                    break
                slowest = max((seconds for _, seconds in result.recoveries), default=0.0)
                console.print(
                    f"[green]held[/] {result.accepted} orders, {result.settled} settled, recovered in {slowest:.1f} s, "
                    f"{result.took_s:.0f} s",
                    soft_wrap=True,
                )
