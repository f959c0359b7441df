"""An order as the text that the read model keeps of it; whoever writes orders there writes them with this."""

from __future__ import annotations

from functions.common.events import Order


def order_json(order: Order) -> str:
    """The order's JSON. The same order always gives the same text."""
    lines = ",".join(f'{{"id":{line.id_product},"price":"{line.price}","qty":{line.quantity}}}' for line in order.lines)
    return f'{{"id":{order.id},"total":"{order.total}","placed_at":{order.placed_at},"lines":[{lines}]}}'
