"""Which generation of the read model is read, and which are written.

The hash `read_model` in the cache says so: `active` is the generation that queries read, `filling` one that is written
beside it, if there is one (a new one before a switch, the former one for a while after it). Without the hash, as in a
new cache or one that was emptied, the first generation is active and none is filling. The function `reconcile` alone
changes it (functions/reconcile/generation.py).

Queries ask for it when what they know is `KEPT_S` old; a former generation is written for longer than that. A writer
need not know in time: it asks again after it has written, and writes what it missed before its messages count as
done. So of an event that was projected before a generation began to be filled the write model knows, and every later
one is in that generation.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from functions.common.cache import Cache, Client
from functions.common.errors import CacheUnavailable
from functions.common.read_model import CONTROL, GENERATIONS

# In seconds.
KEPT_S = 5.0
CONTROL_FIELDS = ("active", "filling")


class Control(NamedTuple):
    """The generation that is read, and the one that is written beside it, if any."""

    active: str = GENERATIONS[0]
    filling: str | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """All that have to be written, the active one first."""
        return (self.active,) if self.filling is None else (self.active, self.filling)


FIRST = Control()


def control_of(answer: Sequence[bytes | None]) -> Control:
    """The control in an answer to HMGET of `CONTROL_FIELDS`. Raises CacheUnavailable if it names no generation."""
    if answer == [None, None]:
        return FIRST
    active, filling = (None if value is None else value.decode("utf-8", "replace") for value in answer)
    active = GENERATIONS[0] if active is None else active
    if active not in GENERATIONS or filling not in (None, *GENERATIONS):
        raise CacheUnavailable(
            f"The hash {CONTROL} in the cache names no generation: delete it, and run `ops rebuild`."
        )
    return Control(active, filling)


class Generations:
    """What a function knows of the control, for `KEPT_S` at most.

    `last` is what was known last, however old. By the wall clock: others may stand still while Lambda has frozen the
    function between two requests.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since = -math.inf
        self.last = FIRST

    def known(self, ask: Callable[[], Control]) -> Control:
        """The control; asks for it if it is too old. Raises what `ask` raises."""
        if self._is_old():
            self.learn(ask())
        return self.last

    def read(self, cache: Cache, *commands: Callable[[Any, str], Any]) -> list[Any]:
        """Answers of the active generation to some commands, each put to a client or a pipeline with the prefix.

        The control, if it is too old, is asked for on the same way; so that costs no request any time.
        Raises CacheUnavailable.
        """
        active, asks = self.last.active, self._is_old()
        if not asks and len(commands) == 1:
            return [cache.run(lambda client: commands[0](client, active))]

        def piped(client: Client) -> list[Any]:
            with client.pipeline(transaction=False) as pipeline:
                if asks:
                    pipeline.hmget(CONTROL, CONTROL_FIELDS)
                for command in commands:
                    command(pipeline, active)
                return pipeline.execute()

        answers = cache.run(piped)
        if not asks:
            return answers
        self.learn(control_of(answers[0]))
        return answers[1:] if self.last.active == active else self.read(cache, *commands)

    def learn(self, control: Control) -> None:
        """Take a control that was just asked for."""
        self.last, self._since = control, self._clock()

    def _is_old(self) -> bool:
        return not 0 <= self._clock() - self._since < KEPT_S
