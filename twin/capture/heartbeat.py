"""The heartbeat that DMS writes into the source, so that a slot moves on while nothing else is written.

The table awsdms_heartbeat is made in the heartbeat's schema if it is absent. A role that may not do so
gets a warning each time and no heartbeat; the twin's slot moves on all the same, because it also answers
the server's keepalives with the position that the server has reached.
Source: API model of DMS, PostgreSQLSettings (HeartbeatEnable, HeartbeatSchema, HeartbeatFrequency in minutes).
"""

from __future__ import annotations

import logging
import threading

import psycopg2
from psycopg2 import sql

from twin.capture.source import connection
from twin.capture.spec import Source

log = logging.getLogger(__name__)

TABLE = "awsdms_heartbeat"
DEFAULT_MINUTES = 5
_CREATE = """
create table if not exists {} (
    hb_key bigint primary key,
    hb_created_at timestamp,
    hb_created_by varchar(256),
    hb_last_heartbeat_at timestamp,
    hb_last_heartbeat_by varchar(256)
)
"""
_BEAT = """
insert into {} as beat (hb_key, hb_created_at, hb_created_by, hb_last_heartbeat_at, hb_last_heartbeat_by)
values (1, localtimestamp, %(by)s, localtimestamp, %(by)s)
on conflict (hb_key) do update set hb_last_heartbeat_at = localtimestamp, hb_last_heartbeat_by = %(by)s
"""


class Heartbeat(threading.Thread):
    """Beats at once and then every `minutes` until `stop` is set.

    Args:
        source: the endpoint.
        by: who beats, for the table.
        stop: ends it.
        minutes: time between two beats; None takes the endpoint's.
    """

    def __init__(self, source: Source, by: str, stop: threading.Event, minutes: float | None = None) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._source = source
        self._by = by
        self._stopped = stop
        self._seconds = 60 * (minutes or source.postgres_settings.heartbeat_frequency or DEFAULT_MINUTES)

    def run(self) -> None:
        """Beat until stopped."""
        while not self._stopped.is_set():
            try:
                self.beat()
            except psycopg2.Error as error:
                log.warning("No heartbeat: %s", str(error).strip())
            self._stopped.wait(self._seconds)

    def beat(self) -> None:
        """Write one heartbeat, in a table made for it if need be."""
        schema = self._source.postgres_settings.heartbeat_schema or "public"
        table = sql.Identifier(schema, TABLE)
        with connection(self._source) as opened, opened.cursor() as cursor:
            cursor.execute("select to_regclass(%s) is null", (table.as_string(opened),))
            if cursor.fetchone()[0]:
                cursor.execute(sql.SQL(_CREATE).format(table))
            cursor.execute(sql.SQL(_BEAT).format(table), {"by": self._by})
