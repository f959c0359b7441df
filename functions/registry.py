"""All that this system can do, on one screen: commands, queries and events, each with what answers it.

For people, documentation and tests. No function imports it: each zip holds one function's code only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.administer.commands import (
    AddProduct,
    ChangeClient,
    ChangeProduct,
    RegisterClient,
    add_product,
    change_client,
    change_product,
    register_client,
)
from functions.common.events import CLIENT_CHANGED, CLIENT_REGISTERED, HEARTBEAT, ORDER_PLACED
from functions.get_client.query import GetClient, get_client
from functions.list_orders.query import ListOrders, list_orders
from functions.notify_client.letter import order_letter
from functions.place_order.command import PlaceOrder, place_order
from functions.project_clients.fold import fold
from functions.project_clients.writer import ReadModelWriter

# What is asked over HTTP, and what carries it out.
COMMANDS: dict[type, Callable[..., Any]] = {
    PlaceOrder: place_order,
    RegisterClient: register_client,
    ChangeClient: change_client,
    AddProduct: add_product,
    ChangeProduct: change_product,
}
QUERIES: dict[type, Callable[..., Any]] = {GetClient: get_client, ListOrders: list_orders}

# What happened, and who learns of it through a queue of its own.
EVENTS: dict[str, list[Callable[..., Any]]] = {
    ORDER_PLACED: [fold, order_letter],
    CLIENT_REGISTERED: [fold],
    CLIENT_CHANGED: [fold],
    HEARTBEAT: [ReadModelWriter.note_beat],
}

# Method and path of each, and the function (folder) that answers.
ROUTES: dict[tuple[str, str], tuple[type, str]] = {
    ("POST", "/orders"): (PlaceOrder, "place_order"),
    ("POST", "/clients"): (RegisterClient, "administer"),
    ("PATCH", "/clients/{id}"): (ChangeClient, "administer"),
    ("POST", "/products"): (AddProduct, "administer"),
    ("PATCH", "/products/{id}"): (ChangeProduct, "administer"),
    ("GET", "/clients/{id}"): (GetClient, "get_client"),
    ("GET", "/clients/{id}/orders"): (ListOrders, "list_orders"),
}

# Functions that answer no route.
CONSUMERS: dict[str, tuple[str, ...]] = {
    "project_clients": (ORDER_PLACED, CLIENT_REGISTERED, CLIENT_CHANGED, HEARTBEAT),
    "notify_client": (ORDER_PLACED,),
}
SERVICES = ("authorize", "migrate", "prune_outbox", "reconcile", "heartbeat", "inspect_stores")
