"""Run drills: `python -m drills [NAMES] [--seed N] [--list]`, or `make drill [ONLY=names] [SEED=n]`."""

from __future__ import annotations

import argparse
import secrets
import sys

from rich.console import Console
from rich.table import Table

from drills import kills  # noqa: F401 - registers its drills
from drills.errors import DrillError
from drills.registry import DRILLS, find
from drills.report import table
from drills.runner import run_all


def main() -> int:
    """Run drills; 1 if a promise was not kept, 2 if there is no such drill."""
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("names", nargs="?", default="", help="drills to run, with commas; by default all")
    parser.add_argument("--seed", type=int, help="order and chances; by default drawn, and printed")
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
    try:
        chosen = find(options.names) if options.names else list(DRILLS.values())
    except DrillError as error:
        console.print(str(error), markup=False)
        return 2
    console.print(f"{len(chosen)} drills, SEED={seed}")
    results = run_all(chosen, seed, console)
    console.print(table(results), markup=False, soft_wrap=True)
    return 1 if any(isinstance(result, str) for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
