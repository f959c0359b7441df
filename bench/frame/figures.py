"""Figures as text."""

from __future__ import annotations

from bench.frame.results import Spread


def number(value: float) -> str:
    """Three digits that matter, and thousands with a comma."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def ratio(value: float) -> str:
    """A ratio, with two digits behind the point while that says something."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def spread(found: Spread) -> str:
    """Median, with least and greatest behind it."""
    return f"{ratio(found.median)} ({ratio(found.least)}-{ratio(found.most)})"
