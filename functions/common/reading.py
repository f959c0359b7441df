"""What the queries about a client have in common over HTTP.

200 with an ETag, 304 to a caller that has that state, 404 for a client that the read model does not know. A version
that is asked for and does not come in time is a NotYetProjected, which `gateway.answer` makes a 503.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from functions.common.etags import matches
from functions.common.gateway import Request, Response
from functions.common.problems import unknown_client

View = TypeVar("View")


def shown(
    request: Request,
    id_client: int,
    view: View | None,
    represent: Callable[[View], str],
    tag: Callable[[View, str], str],
) -> Response:
    """The answer for a view of a client: `represent` writes its JSON, `tag` makes the ETag of view and JSON.

    Raises Problem 404 if there is no view.
    """
    if view is None:
        raise unknown_client(id_client)
    body = represent(view)
    entity_tag = tag(view, body)
    # The caller is to ask each time.
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache"}
    if matches(request.headers.get("if-none-match"), entity_tag):
        return Response(304, None, headers)
    return Response(200, body, headers)
