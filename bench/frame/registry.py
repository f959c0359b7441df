"""Finds the benchmarks: those that the modules of bench/ name in BENCHMARKS."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import UnknownBenchmarkError, UnknownSizeError
from bench.frame.benchmark import Benchmark

FOLDER = Path(__file__).resolve().parent.parent


def find() -> dict[str, Benchmark]:
    """All benchmarks by name, in the order of their modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if not module.ispkg)
    modules = [importlib.import_module(f"bench.{name}") for name in names if name != "__main__"]
    return {benchmark.name: benchmark for module in modules for benchmark in getattr(module, "BENCHMARKS", ())}


def choose(known: Mapping[str, Benchmark], names: Sequence[str]) -> list[Benchmark]:
    """The benchmarks of these names; all if there are none.

    Raises:
        UnknownBenchmarkError: there is no such benchmark.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownBenchmarkError(f"There is no benchmark {', '.join(unknown)}: choose from {', '.join(known)}.")
    return [known[name] for name in names] if names else list(known.values())


def resize(benchmark: Benchmark, sizes: Mapping[str, int]) -> dict[str, int]:
    """The benchmark's sizes with those that were set."""
    return {name: sizes.get(name, size) for name, size in benchmark.sizes.items()}


def check_sizes(chosen: Sequence[Benchmark], sizes: Mapping[str, int]) -> None:
    """Check that each size that was set is one of a chosen benchmark.

    Raises:
        UnknownSizeError: it is not.
    """
    known = {name for benchmark in chosen for name in benchmark.sizes}
    unknown = sorted(set(sizes) - known)
    if unknown:
        raise UnknownSizeError(
            f"No benchmark that was asked for has a size {', '.join(unknown)}: "
            f"choose from {', '.join(sorted(known)) or 'none'}."
        )
