"""GET /clients/{id}/orders: the client's last 50 orders from the read model, newest first, tagged by their content.

An empty list for a client who never ordered: the client's hash says that it exists. Statuses as in
functions/common/reading.py; 503 with Retry-After if `min_version` is not reached within READ_WAIT_MS.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from functions.common.cache import Cache, connect
from functions.common.etags import content_tag
from functions.common.gateway import Request, Response, answer
from functions.common.money import json_number
from functions.common.parameters import min_version, path_id
from functions.common.reading import shown
from functions.common.settings import CacheSettings, Environment
from functions.list_orders.query import ListOrders, OrdersView, OrderView, OrderViews, list_orders
from functions.list_orders.view import CachedOrders


@cache
def views() -> OrderViews:
    """The views that the environment names, made at the first request; their connection outlives requests."""
    return CachedOrders(Cache(connect(CacheSettings.read(Environment()))))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return answer(event, lambda request: respond(request, views, Environment().integer("READ_WAIT_MS", 1000)))


def respond(request: Request, source: Callable[[], OrderViews], wait_ms: int) -> Response:
    """Answer one request; `source` gives the views, and is called only for a sound request.

    Raises Problem 400 or 404, NotYetProjected, CacheUnavailable.
    """
    query = ListOrders(path_id(request, "id"), min_version(request))
    view = list_orders(query, source(), wait_ms)
    return shown(
        request,
        query.id_client,
        view,
        lambda found: orders_json(query.id_client, found),
        # Events arrive in any order: an older order may join the list after the newest version is known.
        lambda _, body: content_tag(body),
    )


def orders_json(id_client: int, view: OrdersView) -> str:
    """The orders as JSON text: numbers only, and no amount ever was a float."""
    orders = ", ".join(map(_order_json, view.orders))
    return f'{{"id_client": {id_client}, "version": {view.version}, "orders": [{orders}]}}'


def _order_json(order: OrderView) -> str:
    lines = ", ".join(
        f'{{"id_product": {line.id_product}, "unit_price": {json_number(line.price)}, "quantity": {line.quantity}}}'
        for line in order.lines
    )
    return (
        f'{{"id_order": {order.id_order}, "total": {json_number(order.total)}, "placed_at": {order.placed_at}, '
        f'"lines": [{lines}]}}'
    )
