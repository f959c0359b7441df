"""`python -m cost`: write docs/cost.md from the program's own graph, or check that it is up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cost.page import write
from tests.infra.graph import run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cost.md"
STACKS = ("dev", "prod")


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 1 if the page is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m cost", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if the page would change")
    options = parser.parse_args(arguments)
    wanted = write({stack: run(stack=stack) for stack in STACKS})
    if options.check:
        fresh = PAGE.exists() and PAGE.read_text() == wanted
        if not fresh:
            sys.stderr.write("docs/cost.md is not up to date: run `python -m cost`.\n")
        return int(not fresh)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
