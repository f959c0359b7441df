"""Bytecode in the zips: Lambda's code folder is read-only, so without it every cold start compiles every module again.

Measured (bench/README.md): with it an import takes a third of the time. Bytecode belongs to one Python version, so it
takes an interpreter of the runtime's version to make it: the running one, or `python3.13` (say) on the PATH. Without
one the zips have no bytecode: they work, and start more slowly. As the zips differ, deploy always from machines that
have it, or always from machines that have not.

The files are of the kind "unchecked hash" (PEP 552): no time stamp is in them, and the source's is not looked at.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Where Lambda unpacks a zip; it stands in tracebacks.
_UNPACKED = "/var/task"


@dataclass(frozen=True)
class Compiler:
    """An interpreter that compiles for one runtime; `version` is all of its version, as in "3.13.5"."""

    executable: str
    version: str

    def compile(self, folder: Path) -> None:
        """Put the bytecode of all modules below a folder beside them, named as in the root of a zip.

        What does not compile (a template that ends in .py, say) has none.
        """
        # A process of its own also where it is this interpreter: what else is loaded must not change a byte.
        subprocess.run(
            [self.executable, "-I", "-S", "-W", "ignore", "-m", "compileall", "-qq", "-f",
             "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", _UNPACKED, str(folder)],
            capture_output=True, check=False, env={"PYTHONHASHSEED": "0"},
        )  # fmt: skip


def host_runtime() -> str:
    """Name this interpreter as a Lambda runtime, such as `python3.13`."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


@cache
def compiler(runtime: str) -> Compiler | None:
    """Find an interpreter of a runtime's version, None (said once, as a warning) if this machine has none."""
    candidates = [sys.executable] if runtime == host_runtime() else [shutil.which(runtime)]
    for executable in filter(None, candidates):
        found = _examined(executable, runtime)
        if found is not None:
            return found
    logging.getLogger(__name__).warning(
        "There is no %s on this machine: the functions' zips have no bytecode, and cold starts take three times as "
        "long. Install it, or run with it.", runtime,
    )  # fmt: skip
    return None


def _examined(executable: str, runtime: str) -> Compiler | None:
    question = "import sys; print(sys.implementation.name, *sys.version_info[:3])"
    # A program of that name may be a launcher without an interpreter behind it.
    answer = subprocess.run([executable, "-I", "-c", question], capture_output=True, text=True, check=False)
    implementation, *version = answer.stdout.split() or [""]
    if implementation != "cpython" or "python" + ".".join(version[:2]) != runtime:
        return None
    return Compiler(executable, ".".join(version))
