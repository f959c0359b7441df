"""`python -m twin`: the commands behind `make demo`, `up`, `status` and `down`."""

from __future__ import annotations

import sys

try:
    from twin.cli import main

    main()
except KeyboardInterrupt:  # so early that nothing was started yet
    sys.exit(130)
