"""A rebuild into another generation of the read model (blue/green), step by step; each can be interrupted.

::

    steady ─begin─► clearing ─► filling ─► settling ─► dropping ─► steady
                        └─abandon──┴──► dropping   settling ─abandon─► settling, with the generations changed back

clearing    what an earlier rebuild left in the target is removed
filling     projectors write the target as well, and its clients are filled page by page
settling    queries have been sent to the target; the former generation is written until all of them know
dropping    only the active generation is written; the other one is removed

Why nothing is lost: functions/common/generations.py. All state is in the control hash, which is moved by
compare-and-set; so whoever goes on, goes on where it is, and two who do so share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

from functions.common.generations import KEPT_S
from functions.common.read_model import GENERATIONS
from functions.reconcile.errors import NoRoom
from functions.reconcile.kept import Kept
from functions.reconcile.models import WriteModel

Stage = Literal["steady", "clearing", "filling", "settling", "dropping"]
STAGES: tuple[Stage, ...] = get_args(Stage)
# Longer than a query may go by an old control, its longest wait for the cache included; in milliseconds.
SETTLE_MS = int(KEPT_S * 3000)
# Longer than a projector may write to a generation that it need not write any more, unless it is held up; what is left
# behind then is read by nobody, and removed by the next rebuild.
DROP_MS = int(KEPT_S * 2000)
# The cache must not be fuller than this with both generations in it.
FULL = 0.9


@dataclass(frozen=True)
class State:
    """Where a switch is.

    Attributes:
        number: of the step that led here.
        begun: when the switch began, by the cache's clock in milliseconds; empty if there never was one.
        age_ms: for how long the stage has been this one.
        cursor: how far its work has come: the last client filled, or where a sweep goes on.
        found: keys that the present sweep has removed.
    """

    number: int = 0
    stage: Stage = "steady"
    active: str = GENERATIONS[0]
    filling: str | None = None
    begun: str = ""
    age_ms: int = 0
    cursor: str = "0"
    found: int = 0

    @property
    def other(self) -> str:
        """The generation that is not read."""
        return GENERATIONS[1 - GENERATIONS.index(self.active)]


@dataclass(frozen=True)
class Stepped:
    """What a step did. `wait_ms`: how long to wait before the next one."""

    clients: int = 0
    removed: int = 0
    wait_ms: int = 0


class ControlStore(Protocol):
    """The control hash, and the keys of one generation. All raise CacheUnavailable."""

    def state(self) -> State:
        """Where the switch is now."""
        ...

    def move(self, seen: State, to: State) -> bool:
        """Go from what was seen to another state; False if somebody else went on meanwhile."""
        ...

    def sweep(self, generation: str, cursor: str) -> tuple[str, int]:
        """Remove some keys of a generation; gives where to go on ("0" at the end), and how many were removed."""
        ...

    def fill(self, generation: str, clients: Sequence[Kept]) -> None:
        """Write clients into a generation, each unless it is newer there."""
        ...

    def memory(self) -> tuple[int, int]:
        """Bytes used, and bytes there are (0: no bound)."""
        ...


def begin(control: ControlStore) -> bool:
    """Begin a rebuild into the other generation; False if one is under way already."""
    state = control.state()
    return state.stage == "steady" and control.move(state, replace(_at(state, "clearing"), begun=""))


def abandon(control: ControlStore) -> bool:
    """Turn back; False if there is nothing to turn back from any more. What is to be removed, later steps remove."""
    state = control.state()
    match state.stage:
        case "clearing" | "filling":
            return control.move(state, replace(_at(state, "dropping"), filling=None))
        case "settling":
            return control.move(state, _switched(state))
    return False


def step(control: ControlStore, write: WriteModel, limit: int) -> Stepped:
    """Do a bounded part of the work: sweep some keys, fill `limit` clients at most, or go to the next stage.

    Raises NoRoom, DatabaseError, CacheUnavailable; the next step tries again.
    """
    state = control.state()
    match state.stage:
        case "clearing":
            return _sweep(control, state, lambda: _begin_to_fill(control, state))
        case "filling":
            return _fill(control, write, state, limit)
        case "settling":
            if state.age_ms < SETTLE_MS:
                return Stepped(wait_ms=SETTLE_MS - state.age_ms)
            control.move(state, replace(_at(state, "dropping"), filling=None))
        case "dropping":
            return _sweep(control, state, lambda: control.move(state, _at(state, "steady")), DROP_MS)
    return Stepped()


def _at(state: State, stage: Stage) -> State:
    return replace(state, stage=stage, cursor="0", found=0)


def _switched(state: State) -> State:
    return replace(_at(state, "settling"), active=state.other, filling=state.active)


def _begin_to_fill(control: ControlStore, state: State) -> bool:
    used, most = control.memory()
    if most and 2 * used > FULL * most:
        mib = 2**20
        raise NoRoom(
            f"The cache has {most // mib} MiB and {used // mib} are used; a second generation takes as much again. "
            "Take a larger cacheNodeType and go on, or abandon this and rebuild in place."
        )
    return control.move(state, replace(_at(state, "filling"), filling=state.other))


def _fill(control: ControlStore, write: WriteModel, state: State, limit: int) -> Stepped:
    # Read after the state: since before this, projectors write this generation.
    kept = write.page(int(state.cursor), limit)
    control.fill(state.other, kept)
    done = len(kept) < limit
    control.move(state, _switched(state) if done else replace(state, cursor=str(kept[-1].client.id)))
    return Stepped(clients=len(kept))


def _sweep(control: ControlStore, state: State, then: Callable[[], bool], least_ms: int = 0) -> Stepped:
    """Sweep until nothing is found any more, and for so long at least: a projector may be in the middle of a batch."""
    cursor, removed = control.sweep(state.other, state.cursor)
    found = state.found + removed
    if cursor == "0" and found == 0:
        if state.age_ms < least_ms:
            return Stepped(wait_ms=least_ms - state.age_ms)
        then()
    else:
        control.move(state, replace(state, cursor=cursor, found=0 if cursor == "0" else found))
    return Stepped(removed=removed)
