"""What the database says about itself, in one statement. No row of a client is read."""

from __future__ import annotations

import json
from typing import Any

from functions.common.database import Database

# Rows are counted up to here: it is the order of magnitude that tells something.
MOST_ROWS = 100_000
# Sessions by database, as only a privileged role sees what kind of session each one is.
_STATEMENT = """
select json_build_object(
    'version', current_setting('server_version'),
    'in_recovery', pg_is_in_recovery(),
    'connections_used', (select coalesce(sum(numbackends), 0) from pg_stat_database),
    'connections_max', current_setting('max_connections')::integer,
    'outbox_rows', (select count(*) from (select from outbox limit %s) as o),
    'outbox_oldest_s', (select extract(epoch from clock_timestamp() - min(occurred_at))::bigint from outbox),
    'clients', (select count(*) from (select from client limit %s) as c),
    'slots', (
        select coalesce(json_agg(json_build_object(
            'name', s.slot_name, 'plugin', s.plugin, 'database', s.database,
            'of_this_database', coalesce(s.database = current_database(), false), 'active', s.active,
            'restart_lsn', s.restart_lsn::text, 'confirmed_lsn', s.confirmed_flush_lsn::text,
            'wal_status', s.wal_status, 'retained_bytes', pg_wal_lsn_diff(at.lsn, s.restart_lsn)::bigint
        ) order by s.slot_name), '[]')
        from pg_replication_slots as s where not s.temporary
    )
)::text
from (
    select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn
) as at
"""


def inspect(database: Database) -> dict[str, Any]:
    """Version, role, connections, outbox, clients and replication slots; sizes in bytes, ages in seconds.

    outbox_oldest_s is None for an empty outbox; a slot that has lost its log retains None.

    Raises DatabaseError, DatabaseUnavailable.
    """
    (text,) = database.repeatable(_STATEMENT, (MOST_ROWS, MOST_ROWS))
    found: dict[str, Any] = json.loads(text)
    return found
