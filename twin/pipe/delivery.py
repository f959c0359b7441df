"""Delivers a batch until each of its records is either accepted by the target or given up.

What AWS documents of a pipe's retries leaves room; this is what is made of it:

- A message that the target refuses by itself is tried again alone, the others of its batch are delivered.
- A request that is refused as a whole is cut in halves if the pipe bisects; a cut is no retry. Without bisecting,
  or down to one record, it is tried again.
- A target that cannot be reached or asks to slow down is no retry either: the batch waits, however long.
- Records whose retries are used up, or that became too old, are given up: the dead letter queue gets a document.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twin.aws_errors import pause_s
from twin.pipe.dead_letters import EXHAUSTED, TOO_OLD, runs
from twin.pipe.records import Item
from twin.pipe.settings import UNLIMITED
from twin.pipe.targets import Kind, Refusal

RETRY_FIRST_S, RETRY_MOST_S = 0.1, 5.0
BUSY_FIRST_S, BUSY_MOST_S = 0.05, 1.0

Deliver = Callable[[list[str]], list[Refusal]]
GiveUp = Callable[[Sequence[Item], str], None]
Pause = Callable[[float], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """How long to try. `UNLIMITED` (-1) means for ever."""

    maximum_retry_attempts: int
    maximum_record_age_s: int
    bisect: bool


@dataclass
class _Part:
    items: list[Item]
    retries: int = 0


class Delivery:
    """Delivers batches of one shard.

    Args:
        deliver: sends messages and tells which were not taken.
        give_up: buries neighbours of a batch with a condition; must not return before that is certain.
        policy: how long to try.
        pause: waits a number of seconds; raises to break off.
        clock: unix time, for the age of records.
    """

    def __init__(
        self,
        deliver: Deliver,
        give_up: GiveUp,
        policy: Policy,
        *,
        pause: Pause = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._deliver = deliver
        self._give_up = give_up
        self._policy = policy
        self._pause = pause
        self._clock = clock
        self._batch: Sequence[Item] = ()
        self._given_up: list[Item] = []

    def run(self, batch: Sequence[Item]) -> list[Item]:
        """Deliver a batch; returns when nothing of it is left, with the records that were given up."""
        self._batch, self._given_up = batch, []
        parts = [_Part(list(batch))]
        busy = 0
        while parts:
            part = parts.pop()
            kept = self._without_too_old(part.items)
            if not kept:
                continue
            refusals = self._deliver([item.message for item in kept])
            if not refusals:
                busy = 0
                continue
            again = self._sort_out(kept, refusals, part.retries)
            parts.extend(reversed(again))
            waits = any(refusal.kind is Kind.BUSY for refusal in refusals)
            busy = busy + 1 if waits else 0
            self._wait(again, part.retries, busy)
        return self._given_up

    def _wait(self, again: list[_Part], retries: int, busy: int) -> None:
        if busy:
            self._pause(pause_s(busy, BUSY_FIRST_S, BUSY_MOST_S))
        elif any(part.retries > retries for part in again):
            self._pause(pause_s(retries + 1, RETRY_FIRST_S, RETRY_MOST_S))

    def _sort_out(self, items: list[Item], refusals: list[Refusal], retries: int) -> list[_Part]:
        by_kind: dict[Kind, list[Item]] = {kind: [] for kind in Kind}
        for refusal in refusals:
            by_kind[refusal.kind].append(items[refusal.index])
        log.warning(
            "%d of %d records were not accepted (retries so far: %d), for example %s: %s",
            len(refusals),
            len(items),
            retries,
            items[refusals[0].index].sequence_number,
            refusals[0].reason,
        )
        parts = []
        if by_kind[Kind.BUSY]:
            parts.append(_Part(by_kind[Kind.BUSY], retries))
        request = by_kind[Kind.REQUEST]
        if len(request) > 1 and self._policy.bisect:
            middle = len(request) // 2
            parts += [_Part(request[:middle], retries), _Part(request[middle:], retries)]
        elif request:
            parts += self._again(request, retries)
        if by_kind[Kind.ENTRY]:
            parts += self._again(by_kind[Kind.ENTRY], retries)
        return parts

    def _again(self, items: list[Item], retries: int) -> list[_Part]:
        most = self._policy.maximum_retry_attempts
        if most != UNLIMITED and retries >= most:
            self._bury(items, EXHAUSTED)
            return []
        return [_Part(items, retries + 1)]

    def _without_too_old(self, items: list[Item]) -> list[Item]:
        age_s = self._policy.maximum_record_age_s
        if age_s == UNLIMITED:
            return items
        oldest = self._clock() - age_s
        too_old = [item for item in items if item.arrival < oldest]
        if not too_old:
            return items
        self._bury(too_old, TOO_OLD)
        return [item for item in items if item.arrival >= oldest]

    def _bury(self, items: list[Item], condition: str) -> None:
        for run in runs(items, self._batch):
            self._give_up(run, condition)
        self._given_up += items
