"""Imported by Python itself in what `make local` starts: programs that run for seconds and end.

They free nothing worth the time that looking for it takes, which is a tenth of a run. The folder is taken off the path
again, and a `sitecustomize` of the environment's own has its turn.
"""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path

gc.disable()
sys.path.remove(str(Path(__file__).resolve().parent))
_own = sys.modules.pop("sitecustomize")
try:
    importlib.import_module("sitecustomize")
except ModuleNotFoundError as error:
    if error.name != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = _own  # where the import system looks for what it has just run
