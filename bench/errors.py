"""Errors of the benchmarks.

BenchError                     the benchmarks cannot be run or shown
├── UnknownBenchmarkError      no module of bench/ has a benchmark of that name
├── UnknownSizeError           no benchmark that was asked for has a size of that name
├── PreparationError           what a benchmark needs could not be made ready
├── ContenderError             a contender raised, or gave other measures than its case has
└── ResultsError               a file of results cannot be read
"""

from __future__ import annotations


class BenchError(Exception):
    """The benchmarks cannot be run or shown."""


class UnknownBenchmarkError(BenchError):
    """No module of bench/ has a benchmark of that name; the message lists those there are."""


class UnknownSizeError(BenchError):
    """No benchmark that was asked for has a size of that name; the message lists those there are."""


class PreparationError(BenchError):
    """What a benchmark needs could not be made ready; the message names the benchmark and quotes the error."""


class ContenderError(BenchError):
    """A contender raised, or gave other measures than its case has; the message names case, contender and round."""


class ResultsError(BenchError):
    """A file of results cannot be read; the message names it."""
