"""Imported by Python itself in what `make local` starts: programs that run for seconds and end.

They free nothing worth the time that looking for it takes, which is a tenth of a run. The folder is taken off the path
again, and a `sitecustomize` of the environment's own has its turn.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from pathlib import Path

gc.disable()
sys.path.remove(str(Path(__file__).resolve().parent))
del sys.modules["sitecustomize"]
with contextlib.suppress(ModuleNotFoundError):
    importlib.import_module("sitecustomize")
