"""The clients of the write model, page by page, each page from one snapshot of the database."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from functions.common.database import Database
from functions.common.events import ClientState, Order, OrderLine
from functions.common.read_model import KEPT_ORDERS
from functions.reconcile.kept import Kept

# One row with all in it: one statement, so a client and its orders belong together. Seconds are cut down, as in
# events.py.
_CLIENTS = """
select coalesce(json_agg(json_build_array(
    c.id, c.name, c.email, c.version, c.order_count, c.total::text,
    floor(extract(epoch from c.last_purchase))::bigint, (
        select coalesce(json_agg(json_build_array(
            o.id, o.total::text, floor(extract(epoch from o.placed_at))::bigint, (
                select coalesce(json_agg(
                    json_build_array(l.product_id, l.unit_price::text, l.quantity) order by l.line_no
                ), '[]') from order_line l where l.order_id = o.id
            )) order by o.id desc), '[]')
        from (select * from orders where client_id = c.id order by id desc limit %s) as o
    )) order by c.id), '[]')::text
from ({chosen}) as c
"""
_PAGE = _CLIENTS.format(chosen="select * from client where id > %s order by id limit %s")
_SOME = _CLIENTS.format(chosen="select * from client where id = any(%s)")
_KNOWN = "select coalesce(json_agg(id), '[]')::text from client where id = any(%s)"
_LAST = "select coalesce(max(id), 0) from client"
# By the index on the time: no more rows are read than there are young ones.
_YOUNG = """
select coalesce(json_object_agg(e.aggregate_id, e.version), '{}')::text
from (
    select aggregate_id, min(version) as version from outbox
    where occurred_at > clock_timestamp() - make_interval(secs => %s)
        and aggregate_type = 'client' and aggregate_id = any(%s)
    group by aggregate_id
) as e
"""


class PostgresClients:
    """Reads over a `Database` that is logged in as operator. All raise DatabaseError or DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, after: int, limit: int) -> list[Kept]:
        """See `WriteModel`."""
        return self._clients(_PAGE, KEPT_ORDERS, after, limit)

    def some(self, ids: Collection[int]) -> dict[int, Kept]:
        """See `WriteModel`."""
        return {kept.client.id: kept for kept in self._clients(_SOME, KEPT_ORDERS, list(ids))}

    def known(self, ids: Collection[int]) -> set[int]:
        """See `WriteModel`."""
        return set(msgspec.json.decode(self._database.repeatable(_KNOWN, (list(ids),))[0]))

    def last(self) -> int:
        """See `WriteModel`."""
        return int(self._database.repeatable(_LAST, ())[0])

    def young(self, ids: Collection[int], seconds: int) -> dict[int, int]:
        """See `WriteModel`."""
        (text,) = self._database.repeatable(_YOUNG, (seconds, [str(id_client) for id_client in ids]))
        return {int(id_client): version for id_client, version in msgspec.json.decode(text).items()}

    def _clients(self, statement: str, *parameters: Any) -> list[Kept]:
        (text,) = self._database.repeatable(statement, parameters)
        return [_kept(*row) for row in msgspec.json.decode(text)]


def _kept(*columns: Any) -> Kept:
    *state, orders = columns
    return Kept(
        ClientState(*state),
        tuple(
            Order(id_order, total, placed_at, tuple(OrderLine(*line) for line in lines))
            for id_order, total, placed_at, lines in orders
        ),
    )
