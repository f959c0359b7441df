"""GET /clients/{id}: the client from the read model, tagged with its version.

Statuses as in functions/common/reading.py; 503 with Retry-After if `min_version` is not reached within READ_WAIT_MS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from functions.common.cache import Cache, connect
from functions.common.etags import version_tag
from functions.common.gateway import Request, Response, answer
from functions.common.money import json_number
from functions.common.parameters import min_version, path_id
from functions.common.reading import shown
from functions.common.settings import CacheSettings, Environment
from functions.get_client.query import ClientView, ClientViews, GetClient, get_client
from functions.get_client.view import CachedClients


@cache
def views() -> ClientViews:
    """The views that the environment names, made at the first request; their connection outlives requests."""
    return CachedClients(Cache(connect(CacheSettings.read(Environment()))))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return answer(event, lambda request: respond(request, views, Environment().integer("READ_WAIT_MS", 1000)))


def respond(request: Request, source: Callable[[], ClientViews], wait_ms: int) -> Response:
    """Answer one request; `source` gives the views, and is called only for a sound request.

    Raises Problem 400 or 404, NotYetProjected, CacheUnavailable.
    """
    query = GetClient(path_id(request, "id"), min_version(request))
    view = get_client(query, source(), wait_ms)
    return shown(request, query.id_client, view, client_json, lambda found, _: version_tag(found.version))


def client_json(view: ClientView) -> str:
    """The client as JSON text; the total is a number that never was a float."""
    last_purchase = json.dumps(view.last_purchase)
    return (
        f'{{"name": {json.dumps(view.name)}, "email": {json.dumps(view.email)}, "total": {json_number(view.total)}, '
        f'"last_purchase": {last_purchase}, "order_count": {view.order_count}, "version": {view.version}}}'
    )
