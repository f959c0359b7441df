"""What changed between two sets of inputs, property by property, and whether it takes a new resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from twin.cloud.assets import ASSET
from twin.cloud.kind import Inputs, Kind, Unknown
from twin.cloud.replacing import replacing

Change = Literal["add", "delete", "update"]
Step = str | int
Path = tuple[Step, ...]


@dataclass(frozen=True)
class Changed:
    """One property that changed, as deep as both sides have something.

    Args:
        path: keys and indexes that lead to it.
        change: what happened to it.
        replaces: whether it takes a new resource.
    """

    path: Path
    change: Change
    replaces: bool


@dataclass(frozen=True)
class Difference:
    """All that changed.

    Args:
        changed: the properties.
        delete_first: the new resource would meet the old one under the same name, so that one goes first.
    """

    changed: tuple[Changed, ...] = ()
    delete_first: bool = False

    @property
    def replaces(self) -> bool:
        """Whether a new resource is needed."""
        return any(each.replaces for each in self.changed)


def difference(kind: Kind, old: Inputs, new: Inputs) -> Difference:
    """Compare what a resource was asked to be with what it is asked to be now; values may be unknown."""
    keys = replacing(kind.typ, new) | kind.replace_on
    changed = tuple(
        Changed(path, change, kind.update is None or _replaces(path, was, now, keys))
        for path, change, was, now in _compare((), old, new)
    )
    found = Difference(changed)
    return Difference(changed, found.replaces and same_identity(kind, old, new))


def same_identity(kind: Kind, one: Inputs, other: Inputs) -> bool:
    """Tell whether AWS would take two resources for the same one: they share their name, or what stands for it."""
    names = kind.identity
    if names is None:
        names = frozenset({kind.named_by} if kind.named_by else ())
    known = all(name in one and not isinstance(one[name], Unknown) for name in names)
    return bool(names) and known and all(one[name] == other.get(name) for name in names)


def has_unknown(value: Any) -> bool:
    """Tell whether a value is unknown, or holds one that is."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return isinstance(value, Unknown)


def dotted(path: Path) -> str:
    """Write a path as Pulumi does: `filters[0].pattern`, `tags["cost.center"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").isalnum() or step.startswith("__"):
            text += f".{step}" if text else step
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


def _compare(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, Change, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not (ASSET in old or ASSET in new):
        for key in {**old, **new}:
            yield from _member((*path, key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _member((*path, index), *(each[index] if index < len(each) else None for each in (old, new)))
    elif _differ(old, new):
        yield path, "update", old, new


def _member(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, Change, Any, Any]]:
    if old is None and new is None:
        return
    if old is None:
        yield path, "add", old, new
    elif new is None:
        yield path, "delete", old, new
    else:
        yield from _compare(path, old, new)


def _differ(old: Any, new: Any) -> bool:
    if isinstance(new, Unknown):
        return True
    if isinstance(old, Mapping) and isinstance(new, Mapping) and ASSET in old and ASSET in new:
        return bool(old["sha256"] != new["sha256"])  # where a file lies is no property of it
    return bool(old != new)


def _replaces(path: Path, old: Any, new: Any, keys: frozenset[str]) -> bool:
    names = [step for step in path if isinstance(step, str)]
    for key in keys:
        parts = key.split(".")
        if names[: len(parts)] == parts:
            return True
        if parts[: len(names)] == names and any(_holds(value, parts[len(names) :]) for value in (old, new)):
            return True
    return False


def _holds(value: Any, parts: list[str]) -> bool:
    if not parts:
        return True
    if isinstance(value, list):
        return any(_holds(item, parts) for item in value)
    return isinstance(value, Mapping) and value.get(parts[0]) is not None and _holds(value[parts[0]], parts[1:])
