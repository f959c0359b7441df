"""Run drills: `python -m drills [NAMES] [--seed N] [--list]`, or `make drill [ONLY=names] [SEED=n]`."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from drills import busy, changes, clocks, kills, networks, parts, storage, upkeep  # noqa: F401 - register their drills
from drills.errors import DrillError
from drills.registry import DRILLS, drill, find
from drills.report import each_fault, table, write
from drills.result import Result
from drills.runner import CONFIG, SOAK, run_all
from drills.soak import faults, soak

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guarantees.md"


def main() -> int:
    """Run drills; 1 if a promise was not kept, 2 if there is no such drill."""
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("names", nargs="?", default="", help="drills to run, with commas; by default all")
    parser.add_argument("--seed", type=int, help="order and chances; by default drawn, and printed")
    parser.add_argument("--soak", type=int, metavar="N", help="place N orders with a fault every few seconds instead")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between the faults of a soak")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.name}")
    parser.add_argument("--list", action="store_true", help="list the drills and end")
    options = parser.parse_args()
    console = Console(highlight=False)
    if options.list:
        listed = Table("drill", "promise")
        for one in DRILLS.values():
            listed.add_row(one.name, one.promise)
        console.print(listed)
        return 0
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.soak:
        drill("soak", "nothing is lost or doubled, nothing grows without bound")(
            lambda scene: soak(scene, options.soak, every_s=options.every, possible=faults(), console=console)
        )
        options.names = "soak"
    try:
        chosen = find(options.names) if options.names else list(DRILLS.values())
    except DrillError as error:
        console.print(str(error), markup=False)
        return 2
    console.print(f"{len(chosen)} drills, SEED={seed}")
    results: dict[str, Result | str] = {}
    try:
        run_all(chosen, seed, console, results, SOAK if options.soak else CONFIG)
    finally:
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        machine = f"SEED={seed}; {os.cpu_count()} processors, load of the machine at the end {load} (1, 5, 15 minutes)."
        text = f"{machine}\n\n{table(results)}"
        for result in results.values():
            if options.soak and isinstance(result, Result):
                text += f"\n\n{each_fault(result)}"
        console.print(text, markup=False, soft_wrap=True)
        if options.write:
            write(PAGE, "soak" if options.soak else "drills", text)
    return 1 if any(isinstance(result, str) for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
