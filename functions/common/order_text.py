"""An order as the text that the read model keeps of it; whoever writes orders there writes them with this."""

from __future__ import annotations

import msgspec

from functions.common.events import Order

_json = msgspec.json.Encoder().encode


def order_json(order: Order) -> str:
    """The order's JSON. The same order always gives the same text."""
    lines = _json(order.lines).decode()
    return f'{{"id":{order.id},"total":"{order.total}","placed_at":{order.placed_at},"lines":{lines}}}'
