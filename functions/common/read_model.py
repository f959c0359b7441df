"""Keys and fields of the read model, which the projector writes and the queries read.

``client:{<id>}``
    hash: name, email, order_count, total (decimal text), last_purchase (epoch seconds, empty without an order), version
``client:{<id>}:orders``
    sorted set of the client's last 50 orders: score is the order's id, member is JSON
    ``{"id":..,"total":"..","placed_at":<epoch seconds>,"lines":[{"id":..,"price":"..","qty":..}]}``

``heartbeat``
    hash: beat, the newest that arrived (epoch microseconds of its commit), and arrived_ms (epoch milliseconds)

``read_model``
    hash: which generation is read and which is being filled beside it, see functions/common/generations.py

There are two generations of a client's keys, told apart by a prefix: none, or ``b:``. The braces are part of the keys:
they put a client's two keys into one slot, so that one script may write both.
A client's orders get their ids under the lock of its row, so a later one has a greater id. Scores are doubles, which
tell ids apart up to 2^53.
"""

from __future__ import annotations

KEPT_ORDERS = 50
FIELDS = ("name", "email", "order_count", "total", "last_purchase", "version")
CONTROL = "read_model"
# Prefixes of the keys. Without a control hash it is the first one that is read.
GENERATIONS = ("", "b:")

HEARTBEAT_KEY = "heartbeat"
HEARTBEAT_FIELDS = ("beat", "arrived_ms")


def client_key(id_client: int, generation: str = GENERATIONS[0]) -> str:
    """Key of a client's hash."""
    return f"{generation}client:{{{id_client}}}"


def orders_key(id_client: int, generation: str = GENERATIONS[0]) -> str:
    """Key of a client's last orders."""
    return f"{generation}client:{{{id_client}}}:orders"
