"""What this function can be asked, typed, and read from the JSON object that it is invoked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from functions.reconcile.errors import WrongCommand

MOST_CLIENTS = 100
LAG_S = 300
MOST_LAG_S = 3600
MAX_BIGINT = 2**63 - 1
# That of a server has 64 bits; it is multiplied by the number of shards, 500 at most (functions/reconcile/shards.py).
MOST_CURSOR = 2**73

Do = Literal["tell", "begin", "step", "abandon"]


@dataclass(frozen=True)
class Compare:
    """Compare a page of clients."""

    after: int
    limit: int
    lag_s: int
    repair: bool


@dataclass(frozen=True)
class FindOrphans:
    """Look at some of the read model's clients; `cursor` is "0" at first."""

    cursor: str
    repair: bool


@dataclass(frozen=True)
class Rebuild:
    """Fill a page of clients; `begin` with the first one."""

    after: int
    limit: int
    begin: bool


@dataclass(frozen=True)
class Position:
    """Tell where an interrupted rebuild is, and how far there is to go."""


@dataclass(frozen=True)
class Switch:
    """Rebuild into another generation: tell where that is, begin it, go on with it by `limit` clients, turn back."""

    do: Do
    limit: int


@dataclass(frozen=True)
class Pass:
    """Go on with the scheduled pass."""


Command = Compare | FindOrphans | Rebuild | Position | Switch | Pass


def read(event: Mapping[str, Any]) -> Command:
    """The command in an event such as ``{"command": "compare", "after": 0, "limit": 50}``. Raises WrongCommand."""
    match event.get("command"):
        case "compare":
            lag_s = _integer(event, "lag_seconds", LAG_S, MOST_LAG_S)
            return Compare(_after(event), _limit(event), lag_s, _flag(event, "repair"))
        case "orphans":
            return FindOrphans(str(_integer(event, "cursor", 0, MOST_CURSOR)), _flag(event, "repair"))
        case "rebuild":
            return Rebuild(_after(event), _limit(event), _flag(event, "begin"))
        case "position":
            return Position()
        case "switch":
            return Switch(_do(event), _limit(event))
        case "pass":
            return Pass()
    raise WrongCommand("`command` must be one of compare, orphans, rebuild, position, switch, pass.")


def _after(event: Mapping[str, Any]) -> int:
    return _integer(event, "after", 0, MAX_BIGINT)


def _limit(event: Mapping[str, Any]) -> int:
    limit = _integer(event, "limit", 50, MOST_CLIENTS)
    if limit == 0:
        raise WrongCommand("`limit` must be 1 at least.")
    return limit


def _do(event: Mapping[str, Any]) -> Do:
    value = event.get("do")
    if value not in get_args(Do):
        raise WrongCommand(f"`do` must be one of {', '.join(get_args(Do))}.")
    return cast("Do", value)


def _integer(event: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = event.get(name, default)
    if name == "cursor" and isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or not 0 <= value <= most:
        raise WrongCommand(f"`{name}` must be an integer from 0 to {most}.")
    return value


def _flag(event: Mapping[str, Any], name: str) -> bool:
    value = event.get(name, False)
    if type(value) is not bool:
        raise WrongCommand(f"`{name}` must be true or false.")
    return value
