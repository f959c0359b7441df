"""Zips of the functions, built so that the same input gives the same bytes.

A zip holds the modules that the handler reaches by import, and nothing else of
ours: a change in one module changes the zips of the functions that use it only.
Third-party packages come from the function's `requirements.txt`, which pins
each with its hashes, as wheels for the architecture and Python version of the
stack; boto3 and botocore are part of the Lambda runtime and stay out.

    PackagingError            a zip cannot be built
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
PACKAGE = "functions"

# Zip has no time before 1980; a fixed one keeps the bytes the same.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_WHEEL_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# glibc of Amazon Linux 2 (python3.11 and older) and Amazon Linux 2023 (python3.12 on).
# Source: "Lambda runtimes" in the AWS Lambda developer guide.
_GLIBC_MINOR = {"python3.11": 26}
_GLIBC_MINOR_AL2023 = 34
_GLIBC_MINOR_OLDEST = 17
_NOT_SHIPPED_SUFFIXES = {".pyc", ".pyi", ".pyx", ".pxd", ".typed"}
_NOT_SHIPPED_FOLDERS = {"__pycache__", "bin", "tests"}
_NOT_SHIPPED_NAMES = {"requirements.in", "requirements.txt"}
_DIST_INFO_SHIPPED = {"METADATA", "entry_points.txt"}


class PackagingError(Exception):
    """A function's zip cannot be built; the message says which, why, and what to do."""


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


def host_runtime() -> str:
    """Name this interpreter as a Lambda runtime, such as `python3.13`."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def build(
    function: str, *, architecture: str, runtime: str, data: Sequence[str] = (), root: Path = ROOT, host: bool = False
) -> Path:
    """Build the zip of one function and give its path.

    Args:
        function: folder below `functions/`; its entry is `functions.<function>.handler.handle`.
        architecture: `arm64` or `x86_64`.
        runtime: Lambda runtime, such as `python3.13`.
        data: files and folders, relative to the root of the repository, that go along under the same names.
        root: the repository.
        host: take packages for this very machine (its operating system too) instead of Lambda's Linux.

    Returns:
        Path of the zip below `.build/`, replaced in one step, so a reader never sees half of it.

    Raises:
        PackagingError: no such function, an import that leads nowhere, or packages that cannot be installed.
    """
    entry = root / PACKAGE / function / "handler.py"
    if not entry.is_file():
        raise PackagingError(f"There is no function {function!r}: {entry.relative_to(root)} does not exist.")
    content: dict[str, bytes] = {}
    lock = entry.with_name("requirements.txt")
    if lock.is_file():
        packages = _dependencies(function, lock, architecture, runtime, host=host, build_folder=root / ".build")
        content.update(_third_party(packages))
    for path in [*modules(entry, root), *_own_data(entry.parent), *_named_data(data, root)]:
        content[path.relative_to(root).as_posix()] = path.read_bytes()
    target = root / ".build" / f"{function}-{runtime}-{'host' if host else architecture}.zip"
    _write(target, content)
    return target


def modules(entry: Path, root: Path = ROOT) -> list[Path]:
    """List the files of our own that `entry` reaches by import, itself and the packages' `__init__.py` included.

    Raises:
        PackagingError: an import of `functions.…` names no module.
    """
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting.extend(_inits(path, root))
        for name in _imports(path):
            waiting.extend(_module_files(name, path, root))
    return sorted(found)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            # `from functions.common import events` names a module, not an attribute.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_files(name: str, importer: Path, root: Path) -> list[Path]:
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return []
    base = root.joinpath(*parts)
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return [candidate]
    if base.is_dir():
        return []
    parent = base.parent
    if parent.with_suffix(".py").is_file() or (parent / "__init__.py").is_file():
        return []  # an attribute of a module
    raise PackagingError(f"{importer.relative_to(root)} imports {name}, which does not exist.")


def _inits(path: Path, root: Path) -> list[Path]:
    folders = [folder for folder in path.parents if folder.is_relative_to(root / PACKAGE)]
    return [init for folder in folders if (init := folder / "__init__.py").is_file()]


def _own_data(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".py", *_NOT_SHIPPED_SUFFIXES} and path.name not in _NOT_SHIPPED_NAMES
    ]


def _named_data(names: Iterable[str], root: Path) -> Iterator[Path]:
    for name in names:
        path = root / name
        if not path.exists():
            raise PackagingError(f"The data {name!r} to be packaged do not exist in {root}.")
        yield from (file for file in sorted([path, *path.rglob("*")]) if file.is_file() and file.suffix != ".pyc")


def _third_party(packages: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(packages.rglob("*")):
        relative = path.relative_to(packages)
        if not path.is_file() or _NOT_SHIPPED_FOLDERS.intersection(relative.parts[:-1]):
            continue
        if relative.suffix in _NOT_SHIPPED_SUFFIXES:
            continue
        if relative.parts[0].endswith(".dist-info") and relative.name not in _DIST_INFO_SHIPPED:
            continue
        yield relative.as_posix(), path.read_bytes()


def _digest(content: dict[str, bytes]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(f"{name}\0{len(content[name])}\0".encode())
        digest.update(content[name])
    return digest.hexdigest().encode()


def _holds(target: Path, digest: bytes) -> bool:
    try:
        with zipfile.ZipFile(target) as archive:
            return archive.comment == digest
    except (OSError, zipfile.BadZipFile):
        return False


def _write(target: Path, content: dict[str, bytes]) -> None:
    # The zip's comment tells what it was made of: compressing megabytes again takes seconds.
    digest = _digest(content)
    if _holds(target, digest):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as draft:
        try:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
                archive.comment = digest
                for name in sorted(content):
                    archive.writestr(_entry(name), content[name])
            draft.close()
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(target)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is built
    info.external_attr = (0o755 if ".so" in Path(name).suffixes else 0o644) << 16
    return info


def _platforms(architecture: str, runtime: str) -> list[str]:
    machine = _WHEEL_MACHINES.get(architecture)
    if machine is None:
        raise PackagingError(f"Lambda has no architecture {architecture!r}: take {' or '.join(_WHEEL_MACHINES)}.")
    newest = _GLIBC_MINOR.get(runtime, _GLIBC_MINOR_AL2023)
    minors = range(newest, _GLIBC_MINOR_OLDEST - 1, -1)
    return [*(f"manylinux_2_{minor}_{machine}" for minor in minors), f"manylinux2014_{machine}"]


def _dependencies(
    function: str, lock: Path, architecture: str, runtime: str, *, host: bool, build_folder: Path
) -> Path:
    """Install the locked packages into a folder named by what they depend on, so once for each lock."""
    platform = sysconfig.get_platform() if host else ",".join(_platforms(architecture, runtime))
    key = hashlib.sha256(b"\0".join([lock.read_bytes(), platform.encode(), runtime.encode()])).hexdigest()[:16]
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
    try:
        draft.rename(target)
    except OSError:
        # Another run built the same folder in the meantime: both are equal, the first one stays.
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _selection(architecture: str, runtime: str) -> list[str]:
    platforms = [part for name in _platforms(architecture, runtime) for part in ("--platform", name)]
    return [*platforms, "--python-version", runtime.removeprefix("python"), "--implementation", "cp"]
