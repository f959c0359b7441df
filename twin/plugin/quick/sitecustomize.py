"""Imported by Python itself in what `make local` starts: programs that run for seconds and end.

They free nothing worth the time that looking for it takes, which is a tenth of a run. A program's own messages for
`--debug`, five for each resource, each wait until the engine has them: another tenth, for nothing where nobody asked
(`Cli.run`). The folder is taken off the path again, and a `sitecustomize` of the environment's own has its turn.
"""

from __future__ import annotations

import contextlib
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

if any(argument.endswith("pulumi-language-python-exec") for argument in sys.orig_argv):
    with contextlib.suppress(ModuleNotFoundError):  # the program will say it better
        setattr(importlib.import_module("pulumi.log"), "debug", lambda *_, **__: None)  # noqa: B010
