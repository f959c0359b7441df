"""`make bench`: run the benchmarks, show them beside the last committed results, and keep everything as files.

    python -m bench [NAME ...] [--rounds N] [--set size=N ...] [--keep] [--strict]
    python -m bench --list

Writes results.json, report.html and a PNG for each benchmark into .bench/; with --keep also into bench/results/, to be
committed. What was not run again keeps its last results there. Ends with 1 if a benchmark failed, with --strict also
if a goal was missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.status import Status

from bench.errors import BenchError
from bench.frame import comparison, page, screen
from bench.frame.plot import draw
from bench.frame.registry import FOLDER, check_sizes, choose, find, resize
from bench.frame.results import Result, read, write
from bench.frame.rounds import Progress, run

KEPT = FOLDER / "results"
LAST = FOLDER.parent / ".bench"
_DATA = "results.json"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says."""
    options = _parser().parse_args(arguments)
    console = Console(width=140 if not sys.stdout.isatty() else None)
    known = find()
    if options.list:
        for benchmark in known.values():
            text = ", ".join(f"{name}={size}" for name, size in benchmark.sizes.items())
            console.print(f"[bold]{benchmark.name}[/] {benchmark.title} ({text or 'no sizes'})", highlight=False)
        return 0
    try:
        chosen = choose(known, options.name)
        sizes: dict[str, int] = dict(options.set)
        check_sizes(chosen, sizes)
        committed = read(KEPT / _DATA)
    except BenchError as error:
        console.print(str(error), style="red", markup=False)
        return 2
    results: dict[str, Result] = {}
    failed = False
    for benchmark in chosen:
        with console.status(f"{benchmark.title} ...") as status:
            try:
                resized = resize(benchmark, sizes)
                result = run(benchmark, resized, _progress(status), options.rounds, options.contender)
            except BenchError as error:
                console.print(f"{benchmark.name}: {error}", style="red", markup=False)
                failed = True
                continue
        results[benchmark.name] = result
        screen.show(console, result)
    found = comparison.compare(results, committed)
    screen.differences(console, found)
    _save(LAST, results)
    (LAST / "report.html").write_text(page.html(results, found))
    if options.keep:
        together = {name: result for name, result in sorted((committed | results).items()) if name in known}
        _save(KEPT, together)
        (KEPT / "README.md").write_text(page.markdown(together))
    console.print(f"{len(results)} benchmarks in {sum(each.seconds for each in results.values()):.0f} s; "
                  f"see {LAST.name}/report.html.")  # fmt: skip
    missed = any(not verdict.reached for each in results.values() for case in each.cases for verdict in case.verdicts())
    return int(failed or (options.strict and missed))


def _progress(status: Status) -> Progress:
    def say(case: str, contender: str, number: int, rounds: int) -> None:
        what = f"round {number} of {rounds}" if number else "warming up"
        status.update(f"{case}: {contender}, {what} ...")

    return say


def _save(folder: Path, results: Mapping[str, Result]) -> None:
    write(folder / _DATA, results)
    for name, result in results.items():
        (folder / f"{name}.png").write_bytes(draw(result, "png"))


def _size(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=number, with a number of 1 or more")
    return name, int(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks beside limits and peers.")
    parser.add_argument("name", nargs="*", help="benchmarks to run (all)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and their sizes, and end")
    parser.add_argument("--rounds", type=int, help="rounds of each case (as many as the benchmark has)")
    parser.add_argument("--set", type=_size, action="append", default=[], metavar="SIZE=N", help="change a size")
    parser.add_argument("--contender", action="append", default=[], help="only this one, beside the case's measure")
    parser.add_argument("--keep", action="store_true", help="keep the results in bench/results/, to be committed")
    parser.add_argument("--strict", action="store_true", help="end with 1 if a goal is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
