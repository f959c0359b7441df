"""Compares clients of the write model with the read model, without stopping anything, and tells lag from drift.

The write model is read first. What the read model lacks then is looked at again for a moment, as most of it is on its
way; if the read model is newer, or has another content, the write model is read again. Of what is left:

behind      the oldest event that the read model lacks is younger than `lag_s`: lag
missing     it is older: it was lost, or stands in a dead-letter queue
drifted     the same version with another content
ahead       a version that the write model does not have
moving      changed so often that the two were never seen at one version; the read model keeps up

An orphan is a client that only the read model has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.reconcile.kept import Difference, Found, Kept, Verdict, judge
from functions.reconcile.models import ReadModel, WriteModel

# Pauses before each look after the first, in seconds.
NAPS = (0.05, 0.15, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Drift:
    """A client that no event on its way will put right; `fields` names what is wrong."""

    id: int
    kind: str
    fields: tuple[str, ...]


@dataclass
class Compared:
    """What a comparison found. `repaired` of the drifts were; `next` is where to go on, None at the end."""

    clients: int = 0
    behind: list[int] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    moving: int = 0
    repaired: int = 0
    next: Any = None


@dataclass(frozen=True)
class _Look:
    kept: Kept
    found: Found
    difference: Difference


class Comparison:
    """Compares, and repairs on request.

    Args:
        write, read: the two models.
        sleep: waits a number of seconds.
        now: the time, in epoch seconds.
        lag_s: how old the oldest missing event may be and still count as on its way.
        repair: replace what drifted by what the write model says.
    """

    def __init__(
        self,
        write: WriteModel,
        read: ReadModel,
        sleep: Callable[[float], None],
        now: Callable[[], float],
        *,
        lag_s: int,
        repair: bool,
    ) -> None:
        self._write, self._read = write, read
        self._sleep, self._now = sleep, now
        self._lag_s, self._repair = lag_s, repair

    def page(self, after: int, limit: int) -> Compared:
        """Compare up to `limit` clients with ids above `after`."""
        kept = self._write.page(after, limit)
        compared = Compared(len(kept), next=kept[-1].client.id if len(kept) == limit else None)
        looks = self._settle(kept)
        asked = {one.client.id: one.client.version for one in kept}
        moving = [number for number, look in looks.items() if _moves(look, asked[number])]
        compared.moving = len(moving)
        for number in moving:
            del looks[number]
        late = [number for number, look in looks.items() if look.difference.verdict is Verdict.LATE]
        young = self._write.young(late, self._lag_s) if late else {}
        drifted: dict[int, _Look] = {}
        for number, look in looks.items():
            if look.difference.verdict is Verdict.LATE and self._is_lag(look, young.get(number)):
                compared.behind.append(number)
                continue
            kind = "missing" if look.difference.verdict is Verdict.LATE else look.difference.verdict.value
            compared.drifts.append(Drift(number, kind, look.difference.fields))
            drifted[number] = look
        if self._repair:
            compared.repaired = self._replace(drifted)
        return compared

    def orphans(self, cursor: str) -> Compared:
        """Look for clients that only the read model has, from `cursor` on ("0" at first)."""
        following, ids = self._read.scan(cursor)
        # Read after the scan: a client's first event comes after the client itself.
        unknown = ids - self._write.known(ids) if ids else set()
        compared = Compared(next=None if following == "0" else following)
        if not unknown:
            return compared
        seen = {number: found.version_text for number, found in self._read.read(unknown).items()}
        compared.drifts = [Drift(number, "orphan", ("client",)) for number in sorted(unknown)]
        if self._repair:
            compared.repaired = self._read.remove(seen)
        return compared

    def _settle(self, clients: Sequence[Kept]) -> dict[int, _Look]:
        """What still differs after a moment, by client."""
        looks = self._look({kept.client.id: kept for kept in clients})
        for nap in NAPS:
            if not looks:
                break
            self._sleep(nap)
            looks = self._look({number: look.kept for number, look in looks.items()})
        return looks

    def _look(self, clients: Mapping[int, Kept]) -> dict[int, _Look]:
        if not clients:
            return {}
        found = self._read.read(clients.keys())
        looks = {number: _Look(kept, found[number], judge(kept, found[number])) for number, kept in clients.items()}
        # What is not explained by the read model being late may be explained by the write model having moved on.
        again = [
            number for number, look in looks.items() if look.difference.verdict in (Verdict.AHEAD, Verdict.DRIFTED)
        ]
        if again:
            fresh = self._write.some(again)
            for number in again:
                kept = fresh.get(number)
                if kept is None:
                    # Deleted meanwhile: an orphan, if anything.
                    del looks[number]
                else:
                    looks[number] = _Look(kept, found[number], judge(kept, found[number]))
        return {number: look for number, look in looks.items() if look.difference.verdict is not Verdict.SAME}

    def _is_lag(self, look: _Look, least_young: int | None) -> bool:
        """Whether all that the read model lacks is on its way; `least_young` is the first version of a young event."""
        if look.difference.oldest_missing is not None:
            return self._now() - look.difference.oldest_missing < self._lag_s
        # None of the events after the version that is there has come, and the first of them is the oldest. A client's
        # first event has version 0 or 1.
        version = look.found.version
        return least_young is not None and least_young <= (1 if version is None else version + 1)

    def _replace(self, drifted: Mapping[int, _Look]) -> int:
        although = {number: look.found.version_text for number, look in drifted.items()}
        written = self._read.replace([look.kept for look in drifted.values()], although)
        wrong = [number for number, look in drifted.items() if look.difference.verdict is not Verdict.LATE]
        if wrong:
            # A version that was too great turned away the events that came until it was replaced.
            self._read.replace(list(self._write.some(wrong).values()))
        return sum(written)


def _moves(look: _Look, asked: int) -> bool:
    """Whether the read model has reached the version that was asked for first, and lacks a newer one only."""
    version = look.found.version
    return (
        look.difference.fields == ("version",) and version is not None and asked <= version < look.kept.client.version
    )
