"""One function's zip: our modules, the packages they need, data, and the bytecode of it all."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.packaging.bytecode import Compiler, compiler
from infra.packaging.dependencies import installed, third_party, unused
from infra.packaging.errors import PackagingError
from infra.packaging.source import PACKAGE, ROOT, imports, modules, named_data, own_data
from infra.packaging.stamp import is_fresh, stamp
from infra.packaging.stamp import write as write_stamp

# Zip has no time before 1980; a fixed one keeps the bytes the same.
_EPOCH = (1980, 1, 1, 0, 0, 0)


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
    target = root / ".build" / f"{function}-{runtime}-{'host' if host else architecture}.zip"
    further = [*own_data(entry.parent), *named_data(data, root)]
    compiling = compiler(runtime)
    about = {"compiler": compiling.version if compiling else "", "architecture": architecture}
    lock = entry.with_name("requirements.txt")
    locked = [lock] if lock.is_file() else []
    if is_fresh(target, _comment(target), [*further, *locked], root, **about):
        return target
    own = modules(entry, root)
    content: dict[str, bytes] = {}
    if locked:
        left_out = unused(name for path in own for name in imports(path))
        packages = installed(
            function,
            lock,
            architecture,
            runtime,
            left_out=left_out,
            compiler=compiling,
            host=host,
            build_folder=root / ".build",
        )
        content.update(third_party(packages))
    sources = _read(own, root)
    content.update(sources)
    if compiling is not None:
        content.update(_bytecode(sources, compiling))
    content.update(_read(further, root))
    # A zip for this machine goes nowhere, and is waited for after each change of a line: made fast rather than small.
    comment = _write(target, content, level=1 if host else 6)
    write_stamp(target, comment, stamp([*own, *further, *locked], root, **about))
    return target


def _read(paths: Iterable[Path], root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _bytecode(sources: dict[str, bytes], compiling: Compiler) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source, content in sources.items():
            path = folder / source
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        compiling.compile(folder)
        return _read(folder.rglob("*.pyc"), folder)


def _digest(content: dict[str, bytes]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(f"{name}\0{len(content[name])}\0".encode())
        digest.update(content[name])
    return digest.hexdigest().encode()


def _comment(target: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(target) as archive:
            return archive.comment
    except (OSError, zipfile.BadZipFile):
        return None


def _write(target: Path, content: dict[str, bytes], *, level: int) -> bytes:
    # The zip's comment tells what it was made of: compressing megabytes again takes seconds.
    digest = _digest(content)
    if _comment(target) == digest:
        return digest
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as draft:
        try:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.comment = digest
                for name in sorted(content):
                    archive.writestr(_entry(name), content[name], compresslevel=level)
            draft.close()
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(target)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    return digest


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is built
    info.external_attr = (0o755 if ".so" in Path(name).suffixes else 0o644) << 16
    return info
