"""A long run is told about while it lasts, on a terminal and elsewhere."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from drills.progress import progress
from tests.twin.waiting import until


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_told_again_and_again(terminal: bool) -> None:
    out, numbers = io.StringIO(), itertools.count(1)
    console = Console(file=out, force_terminal=terminal, width=80)
    with progress(console, lambda: f"{next(numbers)} orders", renewed_s=0.01, printed_s=0.01):
        until(lambda: "3 orders" in out.getvalue())
    if not terminal:
        assert out.getvalue().splitlines()[1:4] == ["1 orders", "2 orders", "3 orders"]
