"""The read model as reconciling sees it: reads and replaces clients, finds all that there are, keeps positions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from redis.exceptions import ResponseError

from functions.common.cache import Cache, Client
from functions.common.generations import CONTROL_FIELDS, Control, control_of
from functions.common.read_model import CONTROL, KEPT_ORDERS, client_key, orders_key
from functions.reconcile.kept import Found, Kept
from functions.reconcile.shards import call_script, each_client, scan

FOLDER = Path(__file__).parent
REPLACE, REMOVE, ADVANCE = ((FOLDER / f"{name}.lua").read_text() for name in ("replace", "remove", "advance"))
# Hash: how far a walk over the clients has come, by the walk's name. In the cache, so that what empties the cache
# ends the rebuild that was under way: its first part is lost too.
POSITIONS = "reconcile"
END = "end"
SCAN_COUNT = 500
_is_key = re.compile(rb"(?:b:)?client:\{([1-9][0-9]{0,18})\}(?::orders)?").fullmatch


class CachedClients:
    """The active generation; what is replaced or removed there, is so in the one that is being filled beside it.

    Reads and writes over `Cache`; every call may be made twice. All raise CacheUnavailable.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def read(self, ids: Collection[int]) -> dict[int, Found]:
        """See `ReadModel`."""
        active = self._control().active

        def commands(pipeline: Any, id_client: int) -> None:
            pipeline.hgetall(client_key(id_client, active))
            pipeline.zrange(orders_key(id_client, active), 0, -1, withscores=True)

        answers = iter(self._cache.run(lambda client: each_client(client, ids, commands)))
        return {id_client: Found(_fields(next(answers)), _orders(next(answers))) for id_client in ids}

    def replace(self, clients: Sequence[Kept], although: Mapping[int, str] | None = None) -> list[bool]:
        """See `ReadModel`."""
        if not clients:
            return []
        written = [
            self._cache.run(lambda client, to=generation: replaced(client, to, clients, although or {}))  # type: ignore[misc]
            for generation in self._control().written
        ]
        return written[0]

    def remove(self, seen: Mapping[int, str]) -> int:
        """See `ReadModel`."""
        if not seen:
            return 0
        removed = [
            self._cache.run(lambda client, of=generation: _removed(client, of, seen))  # type: ignore[misc]
            for generation in self._control().written
        ]
        return removed[0]

    def scan(self, cursor: str) -> tuple[str, set[int]]:
        """See `ReadModel`. If the active generation changes between two calls, what was seen of it is not all."""
        pattern = f"{self._control().active}client:*"
        following, keys = self._cache.run(lambda client: scan(client, cursor, pattern, SCAN_COUNT))
        return following, {int(match[1]) for match in map(_is_key, keys) if match}

    def position(self, walk: str) -> str | None:
        """See `ReadModel`."""
        text = cast("bytes | None", self._cache.run(lambda client: client.hget(POSITIONS, walk)))
        return None if text is None or text == END.encode() else text.decode()

    def keep_position(self, walk: str, position: str | None) -> None:
        """See `ReadModel`."""
        self._cache.run(lambda client: client.hset(POSITIONS, walk, END if position is None else position))

    def advance(self, walk: str, was: str, position: str | None) -> bool:
        """See `ReadModel`."""
        arguments = [walk, was, END if position is None else position]
        return bool(self._cache.run(lambda client: client.register_script(ADVANCE)(keys=[POSITIONS], args=arguments)))

    def _control(self) -> Control:
        # Asked for each time: a rebuild must not fill what was read before the cache was emptied.
        return control_of(
            self._cache.run(lambda client: cast("list[bytes | None]", client.hmget(CONTROL, CONTROL_FIELDS)))
        )


def replaced(client: Client, generation: str, clients: Sequence[Kept], although: Mapping[int, str]) -> list[bool]:
    """Replace clients in one generation; see `ReadModel.replace`."""
    calls = []
    for kept in clients:
        number = kept.client.id
        fields = [part for pair in kept.fields().items() for part in pair]
        orders = [part for text, score in kept.members().items() for part in (f"{score:.0f}", text)]
        version, wrong = kept.client.version, although.get(number, "")
        calls.append((_keys(number, generation), [version, wrong, KEPT_ORDERS, len(fields), *fields, *orders]))
    return [bool(answer) for answer in call_script(client, REPLACE, calls)]


def _removed(client: Client, generation: str, seen: Mapping[int, str]) -> int:
    calls = [(_keys(number, generation), [version]) for number, version in seen.items()]
    return sum(call_script(client, REMOVE, calls))


def _keys(id_client: int, generation: str) -> list[str]:
    return [client_key(id_client, generation), orders_key(id_client, generation)]


def _fields(answer: Any) -> dict[str, str] | None:
    if _is_other_type(answer):
        return None
    return {_text(name): _text(value) for name, value in answer.items()}


def _orders(answer: Any) -> dict[str, float] | None:
    return None if _is_other_type(answer) else {_text(member): score for member, score in answer}


def _is_other_type(answer: Any) -> bool:
    if isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE"):
        return True
    if isinstance(answer, Exception):
        raise answer
    return False


def _text(value: bytes) -> str:
    # Damage need not be UTF-8.
    return value.decode("utf-8", errors="backslashreplace")
