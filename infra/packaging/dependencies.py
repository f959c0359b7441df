"""What of others belongs to a function: the packages that its lock file pins, without the parts that nobody uses."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from infra.packaging.bytecode import Compiler
from infra.packaging.errors import PackagingError

_WHEEL_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# glibc of Amazon Linux 2 (python3.11 and older) and Amazon Linux 2023 (python3.12 on).
# Source: "Lambda runtimes" in the AWS Lambda developer guide.
_GLIBC_MINOR = {"python3.11": 26}
_GLIBC_MINOR_AL2023 = 34
_GLIBC_MINOR_OLDEST = 17

_LEFT_OUT_SUFFIXES = {".pyi", ".pyx", ".pxd", ".typed"}
_LEFT_OUT_FOLDERS = {"bin", "tests"}
_KEPT_DIST_INFO = {"METADATA", "entry_points.txt"}
# Large parts of packages that most functions do not use: a tenth of the largest zip.
_PARTS = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/batch",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_classes",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    "pydantic/mypy.py",
    "pydantic/v1",
)


def host_architecture() -> str:
    """Name this machine's architecture as Lambda does: `arm64` or `x86_64`.

    Raises:
        PackagingError: it is neither.
    """
    machine = os.uname().machine.lower()
    for architecture, wheel_machine in _WHEEL_MACHINES.items():
        if machine in (architecture, wheel_machine):
            return architecture
    raise PackagingError(f"This machine is a {machine}; Lambda functions run on {' or '.join(_WHEEL_MACHINES)}.")


def installed(
    function: str,
    lock: Path,
    architecture: str,
    runtime: str,
    *,
    left_out: Sequence[str],
    compiler: Compiler | None,
    host: bool,
    build_folder: Path,
) -> Path:
    """Install the locked packages into a folder named by what they depend on, so once for each lock.

    Args:
        function: named in messages.
        left_out: paths in packages that do not go along.
        compiler: makes their bytecode; None leaves them without.
        host: take packages for this very machine instead of Lambda's Linux.

    Raises:
        PackagingError: pip could not install them.
    """
    platform = sysconfig.get_platform() if host else ",".join(_platforms(architecture, runtime))
    version = "" if compiler is None else compiler.version
    parts = [lock.read_bytes(), platform.encode(), runtime.encode(), version.encode(), "\n".join(left_out).encode()]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    target = build_folder / "dependencies" / key
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{key}-"))
    selection = [] if host else _selection(architecture, runtime)
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
        "--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:",
        *selection, "--target", str(draft), "--requirement", str(lock),
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise PackagingError(
            f"The packages of the function {function!r} could not be installed for {architecture}, {runtime}:\n"
            f"{result.stderr.strip()}\nIs the package index reachable, and is {lock.name} up to date (`make lock`)?"
        )
    _strip(draft, left_out)
    if compiler is not None:
        compiler.compile(draft)
    try:
        draft.rename(target)
    except OSError:
        # Another run built the same folder in the meantime: both are equal, the first one stays.
        shutil.rmtree(draft, ignore_errors=True)
    return target


def third_party(packages: Path) -> Iterator[tuple[str, bytes]]:
    """Each file of installed packages, by its name in the zip."""
    for path in sorted(packages.rglob("*")):
        if path.is_file():
            yield path.relative_to(packages).as_posix(), path.read_bytes()


def unused(imported: Iterable[str]) -> tuple[str, ...]:
    """Paths in packages that can stay out of the zip of a function whose modules import these names.

    Whoever imports one part of a package gets all of it, as one part may need the other.
    """
    names = list(imported)
    modules = {path: path.removesuffix(".py").replace("/", ".") for path in _PARTS}
    whole = {
        module.partition(".")[0] for module in modules.values() for name in names if f"{name}.".startswith(f"{module}.")
    }
    return tuple(path for path, module in modules.items() if module.partition(".")[0] not in whole)


def _strip(packages: Path, left_out: Iterable[str]) -> None:
    """Delete what does not go into a zip."""
    for part in left_out:
        path = packages / part
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for path in [path for path in packages.rglob("*") if path.is_file()]:
        relative = path.relative_to(packages)
        about = relative.parts[0].endswith(".dist-info") and relative.name not in _KEPT_DIST_INFO
        if about or path.suffix in _LEFT_OUT_SUFFIXES or _LEFT_OUT_FOLDERS.intersection(relative.parts[:-1]):
            path.unlink()


def _platforms(architecture: str, runtime: str) -> list[str]:
    machine = _WHEEL_MACHINES.get(architecture)
    if machine is None:
        raise PackagingError(f"Lambda has no architecture {architecture!r}: take {' or '.join(_WHEEL_MACHINES)}.")
    newest = _GLIBC_MINOR.get(runtime, _GLIBC_MINOR_AL2023)
    minors = range(newest, _GLIBC_MINOR_OLDEST - 1, -1)
    return [*(f"manylinux_2_{minor}_{machine}" for minor in minors), f"manylinux2014_{machine}"]


def _selection(architecture: str, runtime: str) -> list[str]:
    platforms = [part for name in _platforms(architecture, runtime) for part in ("--platform", name)]
    return [*platforms, "--python-version", runtime.removeprefix("python"), "--implementation", "cp"]
