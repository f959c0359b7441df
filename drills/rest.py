"""Waits until nothing is found any more, or what is found does not change."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import psycopg2
import redis
from botocore.exceptions import BotoCoreError, ClientError

from drills.errors import InvariantBroken
from twin.errors import TwinError

STUCK_S = 60.0
PAUSE_S = 0.25
# What a store that is down, or on its way up, answers with.
UNREADY = (psycopg2.Error, redis.RedisError, httpx.HTTPError, BotoCoreError, ClientError, TwinError, OSError)


def rest(look: Callable[[], list[str]]) -> None:
    """Return once `look` finds nothing.

    Raises:
        InvariantBroken: it finds the same for a minute.
    """
    findings, since = ["nothing was looked at"], time.monotonic()
    while findings:
        before = findings
        try:
            findings = look()
        except UNREADY as error:
            findings = [f"a store does not answer: {error}"]
        if findings != before:
            since = time.monotonic()
        # What changes may be a backlog that is worked off; what stays as it is for so long does not heal any more.
        if findings and time.monotonic() > since + STUCK_S:
            raise InvariantBroken(findings)
        if findings:
            time.sleep(PAUSE_S)
