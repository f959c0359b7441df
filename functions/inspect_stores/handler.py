"""Tells how the database and the cache are, for `ops doctor`, whose machine reaches neither.

Invoked with any event. Answers {"database": {...}, "cache": {...}} (see database.py and read_model.py); a store that
cannot be asked is {"error": why}, and the other one is told all the same. Changes nothing, and tells nothing personal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from functions.common.cache import Cache, connect
from functions.common.database import Database, login
from functions.common.errors import FunctionError
from functions.common.secret_store import SecretStore
from functions.common.settings import CacheSettings, DatabaseSettings, Environment, LoginSettings
from functions.common.telemetry import logger
from functions.inspect_stores import database, read_model


@cache
def write_store() -> Database:
    """The database that the environment names; its connection outlives invocations."""
    environment = Environment()
    settings = DatabaseSettings.read(environment)
    return Database(settings, login(LoginSettings.read(environment), settings, SecretStore()))


@cache
def read_store() -> Cache:
    """The cache that the environment names; its connection outlives invocations."""
    return Cache(connect(CacheSettings.read(Environment())))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return {
        "database": _told("database", lambda: database.inspect(write_store())),
        "cache": _told("cache", lambda: read_model.inspect(read_store())),
    }


def _told(store: str, inspect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return inspect()
    except FunctionError as error:
        logger.warning("store not inspected", store=store, reason=str(error))
        return {"error": str(error)}
