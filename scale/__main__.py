"""`python -m scale`: write docs/scale.md and its plots, or check that they are up to date.

The measured figures are in scale/facts.py and scale/twin_run.json, which `python -m scale.twin_run` measures again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scale import page, plots
from scale.findings import SEED

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, PLOTS = DOCS / "scale.md", DOCS / "scale"


def stale() -> list[str]:
    """What would change: the page, or a plot whose data are no longer those that it was drawn from."""
    found = [] if PAGE.exists() and PAGE.read_text() == page.write() else [PAGE.name]
    for name, digest in page.pictures().items():
        plot = PLOTS / f"{name}.svg"
        if not plot.exists() or f"data {digest}" not in plot.read_text():
            found.append(f"{PLOTS.name}/{plot.name}")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 1 if something is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m scale", description="Write docs/scale.md and its plots.")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if something would change")
    options = parser.parse_args(arguments)
    if options.check:
        found = stale()
        if found:
            sys.stderr.write(f"Not up to date in docs/: {', '.join(found)}. Run `python -m scale`.\n")
        return int(bool(found))
    PLOTS.mkdir(exist_ok=True)
    PAGE.write_text(page.write())
    for name in plots.SERIES:
        (PLOTS / f"{name}.svg").write_text(plots.draw(name))
    sys.stdout.write(f"Simulated with the seed {SEED}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
