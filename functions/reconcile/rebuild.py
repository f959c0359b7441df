"""Fills the read model from the write model, page by page, while events keep coming.

A client that is newer in the read model is left alone, so an event that overtakes the rebuild stays. The position is
kept in the cache: a rebuild that was interrupted goes on from it, and if the cache is emptied meanwhile the position
is gone too, which tells that the first pages are lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from functions.reconcile.models import ReadModel, WriteModel

WALK = "rebuild"


@dataclass(frozen=True)
class Rebuilt:
    """One page: clients read, clients written (the others were newer by then), where to go on (None at the end).

    `lost` if the position was not where this rebuild left it: the cache was emptied, or another rebuild has begun.
    """

    clients: int
    written: int
    next: int | None
    lost: bool = False


def begin(read: ReadModel, after: int) -> None:
    """Begin a rebuild of the clients with ids above `after`."""
    read.keep_position(WALK, str(after))


def rebuild(write: WriteModel, read: ReadModel, after: int, limit: int) -> Rebuilt:
    """Fill up to `limit` clients with ids above `after`."""
    kept = write.page(after, limit)
    written = sum(read.replace(kept))
    following = kept[-1].client.id if len(kept) == limit else None
    # After the page: whatever empties the cache before this, its clients or the position, shows here.
    moved = read.advance(WALK, str(after), None if following is None else str(following))
    return Rebuilt(len(kept), written, following, lost=not moved)
