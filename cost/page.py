"""The page docs/cost.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal

from cost.idle import FREE, idle
from cost.orders import Assumptions, per_million
from cost.prices import FILE, Line, total
from policy.graph import Graph

_INTRODUCTION = """# What it costs

Written by `python -m cost` from the resources that the program declares for each stack (`Pulumi.dev.yaml`,
`Pulumi.prod.yaml`) and the prices in `cost/prices.json`. Change a stack, run it again, and read the difference.

Prices are list prices on demand in {region}, in US dollars, without tax, free tier, savings plans or discounts; other
regions have others. Not all were read on an AWS page; the last table marks where each is from. Look up the large ones
before you plan a budget. Nothing on this page was measured on an AWS account.

| | dev | prod |
|---|---|---|
| a month without an order | about ${idle_dev} | about ${idle_prod} |
| each million orders, on top | about ${million_dev} | about ${million_prod} |
"""

_AFTER_IDLE = """
Aurora does not pause: the replication slot keeps it awake, so the smallest capacity is paid for all month. What a dev
stack costs an hour is the month divided by 730: about ${hour}. `pulumi destroy` ends all of it but what
[deploy.md](deploy.md) lists under "What can linger".
"""

_ASSUMED = {
    "reads": "queries for each order",
    "rate": "orders a second while the million is placed",
    "more_acu": "ACU that the database needs at that rate above the smallest capacity",
    "place_ms": "ms billed for an order",
    "read_ms": "ms billed for a query",
    "consume_ms": "ms billed for an event, which comes alone (a full batch costs a tenth)",
    "record_kb": "KB of a record in the stream",
    "stored_kb": "KB that an order leaves in the database",
    "ios": "I/Os of the database for an order, change capture with it",
    "log_kb": "KB of log for a call of a function",
    "access_kb": "KB of access log for a call of the API",
    "answer_kb": "KB of answer to a call",
    "traced": "share of the calls that X-Ray samples",
    "metrics": "metrics that the functions write",
}

_LEFT_OUT = """
Left out, because it is small or because only you know it: traffic between zones (0.01 a GB each way), backups beyond
the size of the database, snapshots of the cache, mails of alarms, flow logs (refused connections are few in a network
that nothing leads out of), and a final snapshot that outlives its stack.
"""


def write(graphs: Mapping[str, Graph]) -> str:
    """Write the page from the graphs of the stacks dev and prod."""
    prices = json.loads(FILE.read_text())
    bills = {stack: idle(graph) for stack, graph in graphs.items()}
    orders = {stack: per_million(graph) for stack, graph in graphs.items()}
    parts = [
        _INTRODUCTION.format(
            region=prices["region"],
            **{f"idle_{stack}": _whole(total(lines)) for stack, lines in bills.items()},
            **{f"million_{stack}": _whole(total(lines)) for stack, lines in orders.items()},
        ),
        "\n## A month without an order\n",
        *(_table(stack, lines) for stack, lines in bills.items()),
        _AFTER_IDLE.format(hour=f"{total(bills['dev']) / 730:.2f}"),
        "\n## A million orders\n\nOn top of the month:\n",
        *(_table(stack, lines) for stack, lines in orders.items()),
        "\nThis stands on assumptions (`cost/orders.py`), none of them measured on AWS:\n\n",
        _assumptions(),
        _LEFT_OUT,
        "\n## Prices\n\n| price, US dollars | for | AWS's page | read in |\n|---|---|---|---|\n",
        *(
            f"| {entry['usd']} | {entry['per']} (`{key}`) | {entry['page']} | {entry['source']} |\n"
            for key, entry in prices["prices"].items()
            if key in {each.price.key for lines in (*bills.values(), *orders.values()) for each in lines}
        ),
        "\n",
        *(f"- {name}: {text}.\n" for name, text in prices["sources"].items()),
        "\nTypes of resources that cost nothing by themselves:\n\n",
        *(f"- {reason}: {_types(reason)}\n" for reason in dict.fromkeys(FREE.values())),
    ]
    return "".join(parts)


def _table(stack: str, lines: list[Line]) -> str:
    rows = "".join(
        f"| {each.what} | {_number(each.quantity)} | {each.price.per} | {each.amount:.2f} |\n" for each in lines
    )
    head = f"\n| {stack} | quantity | unit | US dollars |\n|---|--:|---|--:|\n"
    return f"{head}{rows}| **sum** | | | **{total(lines):.2f}** |\n"


def _assumptions() -> str:
    assumed = Assumptions()
    return "".join(f"- {getattr(assumed, each.name)} {_ASSUMED[each.name]}\n" for each in fields(assumed))


def _types(reason: str) -> str:
    return ", ".join(f"`{kind.split(':', 1)[1]}`" for kind, why in FREE.items() if why == reason)


def _number(value: Decimal) -> str:
    return (
        f"{value:,.0f}"
        if value >= 1000
        else f"{value.normalize():f}"
        if value == value.to_integral()
        else f"{value:.2f}"
    )


def _whole(value: Decimal) -> str:
    return f"{value:,.0f}"
