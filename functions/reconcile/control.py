"""The control hash of the read model, and the keys of one generation, in the cache."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from functions.common.cache import Cache, Client
from functions.common.errors import CacheUnavailable
from functions.common.generations import control_of
from functions.common.read_model import CONTROL
from functions.reconcile.cached import replaced
from functions.reconcile.generation import STAGES, State
from functions.reconcile.kept import Kept
from functions.reconcile.shards import memory, scan, unlink

FOLDER = Path(__file__).parent
LOOK, MOVE = ((FOLDER / f"{name}.lua").read_text() for name in ("look", "move"))
# A sweep's part: so many looks of so many keys.
SCANS, SCAN_COUNT = 20, 500


class CachedControl:
    """See `ControlStore`. Every call may be made twice."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def state(self) -> State:
        """See `ControlStore`."""
        pairs, now = self._cache.run(lambda client: cast("Any", client.register_script(LOOK)(keys=[CONTROL])))
        found = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if not found:
            return State()
        control = control_of((found.get(b"active"), found.get(b"filling")))
        text = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in found.items()}
        try:
            return State(
                number=int(text["step"]),
                stage=STAGES[STAGES.index(cast("Any", text["stage"]))],
                active=control.active,
                filling=control.filling,
                begun=text["begun"],
                age_ms=max(0, int(now) - int(text["since"])),
                cursor=text["cursor"],
                found=int(text["found"]),
            )
        except (KeyError, ValueError):
            raise CacheUnavailable(
                f"The hash {CONTROL} in the cache is damaged: delete it, and run `ops rebuild`."
            ) from None

    def move(self, seen: State, to: State) -> bool:
        """See `ControlStore`."""
        filling = "" if to.filling is None else f".{to.filling}"
        arguments: list[str | int] = [
            seen.number, secrets.token_hex(8), to.stage, to.active, filling, to.begun, to.cursor, to.found
        ]  # fmt: skip
        return bool(self._cache.run(lambda client: client.register_script(MOVE)(keys=[CONTROL], args=arguments)))

    def sweep(self, generation: str, cursor: str) -> tuple[str, int]:
        """See `ControlStore`."""
        removed = 0
        for _ in range(SCANS):
            # Both in one call, which may be made twice.
            cursor, gone = self._cache.run(lambda client, at=cursor: _swept(client, at, generation))  # type: ignore[misc]
            removed += gone
            if cursor == "0":
                break
        return cursor, removed

    def fill(self, generation: str, clients: Sequence[Kept]) -> None:
        """See `ControlStore`."""
        if clients:
            self._cache.run(lambda client: replaced(client, generation, clients, {}))

    def memory(self) -> tuple[int, int]:
        """See `ControlStore`."""
        return self._cache.run(memory)


def _swept(client: Client, cursor: str, generation: str) -> tuple[str, int]:
    following, keys = scan(client, cursor, f"{generation}client:*", SCAN_COUNT)
    return following, unlink(client, keys)
