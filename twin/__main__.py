"""`python -m twin`: the commands behind `make demo`, `up`, `status` and `down`."""

from __future__ import annotations

from twin.cli import main

main()
