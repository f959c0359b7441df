"""Tries mutations: each in a copy of the tree of its own, with the tests that it names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutations.errors import UnsoundTests
from mutations.mutation import Mutation

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 900
FAILED = 1  # pytest: "Tests were collected and run but some of the tests failed"


@dataclass(frozen=True)
class Result:
    """What became of one mutation: `caught` if a test failed; `failing` names the tests that did."""

    mutation: Mutation
    caught: bool
    failing: Sequence[str]
    output: str


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """A copy of the files that are under version control, gone afterwards; `.venv` and built packages are shared."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        folder = Path(name)
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for path in filter(None, listed.split("\0")):
            source, target = ROOT / path, folder / path
            # A file that was removed and not committed is one that is not there.
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        for shared in (".venv", ".build"):
            if (ROOT / shared).exists():
                (folder / shared).symlink_to((ROOT / shared).resolve())
        yield folder


def run_tests(folder: Path, tests: Sequence[str], *, to_first_failure: bool) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy of the tree."""
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "--tb=line", "-rf", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*command, *(["-x"] if to_first_failure else [])],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def require_soundness(mutations: Iterable[Mutation]) -> None:
    """See that all tests pass on the code as it is.

    Raises:
        UnsoundTests: they do not.
    """
    tests = sorted({test for mutation in mutations for test in mutation.tests})
    with copy_of_the_tree() as folder:
        done = run_tests(folder, tests, to_first_failure=False)
    if done.returncode:
        raise UnsoundTests(
            f"These tests fail without any mutation; mend that first:\n{done.stdout[-4000:]}{done.stderr}"
        )


def try_one(mutation: Mutation) -> Result:
    """Apply a mutation to a copy and run its tests. Raises StalePatch."""
    with copy_of_the_tree() as folder:
        mutation.apply(folder)
        done = run_tests(folder, mutation.tests, to_first_failure=True)
    failing = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    # Any other end (nothing collected, a file that cannot be imported) is no test that noticed.
    caught = done.returncode == FAILED and bool(failing)
    return Result(mutation, caught, failing, done.stdout[-3000:] + done.stderr[-2000:])


def try_all(mutations: Sequence[Mutation], workers: int, told: Callable[[Result], None]) -> list[Result]:
    """Try mutations side by side, tell each result, and give them in the order of the mutations."""

    def tried(mutation: Mutation) -> Result:
        result = try_one(mutation)
        told(result)
        return result

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(tried, mutations))
