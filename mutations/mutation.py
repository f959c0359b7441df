"""A mutation: one promise broken on purpose by a small patch, and the tests that have to notice.

A file of `patches/` begins with lines of the form `Promise: ...`, `Break: ...` and `Test: ...` (one or more, each what
pytest takes: a file, or a test in it), and goes on with a unified diff. Of the diff only the lines count, not their
numbers: what it removes has to be in the file exactly once, so that a patch stays good while the code around moves,
and is loud when the code itself has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutations.errors import MalformedPatch, StalePatch

FOLDER = Path(__file__).parent / "patches"


@dataclass(frozen=True)
class Change:
    """Lines of one file that become others."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    """One patch file.

    Attributes:
        name: of the file, without its ending.
        promise: what is broken, in the words of the documentation.
        breakage: how.
        tests: what pytest is given; one of them at least has to fail.
    """

    name: str
    promise: str
    breakage: str
    tests: Sequence[str]
    changes: Sequence[Change]

    def apply(self, root: Path) -> None:
        """Change the tree below `root`.

        Raises:
            StalePatch: the lines are not there exactly once; nothing is changed then.
        """
        for path, text in self.mutated(root).items():
            (root / path).write_text(text)

    def mutated(self, root: Path) -> dict[str, str]:
        """Texts of the files that change, by path; nothing is written. Raises StalePatch."""
        texts: dict[str, str] = {}
        for change in self.changes:
            text = texts[change.path] if change.path in texts else self._read(root, change)
            found = text.count(change.old)
            if found != 1:
                raise StalePatch(
                    f"{self.name}: these lines are in {change.path} {found} times instead of once; mend the patch:\n"
                    f"{change.old}"
                )
            texts[change.path] = text.replace(change.old, change.new)
        return texts

    def _read(self, root: Path, change: Change) -> str:
        path = root / change.path
        if not path.is_file():
            raise StalePatch(f"{self.name}: there is no file {change.path} any more; mend the patch.")
        return path.read_text()


def mutations(folder: Path = FOLDER) -> list[Mutation]:
    """All mutations of a folder, by name. Raises MalformedPatch."""
    return [read(path.stem, path.read_text()) for path in sorted(folder.glob("*.patch"))]


def read(name: str, text: str) -> Mutation:
    """Read a patch file's text. Raises MalformedPatch."""
    head, mark, diff = text.partition("\n--- a/")
    fields: dict[str, list[str]] = {"Promise": [], "Break": [], "Test": []}
    for line in head.splitlines():
        key, _, value = line.partition(": ")
        if key not in fields or not value:
            raise MalformedPatch(f"{name}: {line!r} is none of Promise, Break and Test.")
        fields[key].append(value)
    changes = list(_changes(f"--- a/{diff}")) if mark else []
    if len(fields["Promise"]) != 1 or len(fields["Break"]) != 1 or not fields["Test"] or not changes:
        raise MalformedPatch(f"{name}: a patch has one Promise, one Break, a Test at least, and a diff.")
    return Mutation(name, fields["Promise"][0], fields["Break"][0], tuple(fields["Test"]), changes)


def _changes(diff: str) -> Iterator[Change]:
    path, old, new = "", list[str](), list[str]()
    for line in [*diff.splitlines(), "@@"]:
        if line.startswith(("@@", "--- a/")) and (old or new):
            yield Change(path, "".join(old), "".join(new))
            old, new = [], []
        if line.startswith("--- a/"):
            path = line.removeprefix("--- a/")
        elif line.startswith((" ", "-", "+")) and not line.startswith("+++ b/"):
            old += [] if line[0] == "+" else [f"{line[1:]}\n"]
            new += [] if line[0] == "-" else [f"{line[1:]}\n"]
