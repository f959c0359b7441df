"""Each check finds its promise broken, and only its own: broken ledgers and stores, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drills.evidence import Evidence, OutboxRow, ReadClient, Slot, StoredClient, StoredOrder
from drills.invariants import CHECKS, RETAINED_BYTES, broken
from drills.ledger import Answer, Ledger, Order, Outcome
from functions.common.read_model import KEPT_ORDERS

TV = 100_000
ORDERS = KEPT_ORDERS + 2
FIRST, SECOND = 71, 72
LAST = ORDERS - 1

Scene = tuple[Ledger, Evidence]


def sound() -> Scene:
    """Two clients: one with more orders than the list keeps, one with one that was settled by repeating its key."""
    ledger = Ledger()
    for client in (FIRST, SECOND):
        ledger.add_client(client, f"{client}@b.example")
    ledger.add_poison("project_clients", "no json")
    placed = [(number, FIRST, number + 1) for number in range(ORDERS)] + [(ORDERS, SECOND, 1)]
    for id_order, client, version in placed:
        ledger.send(Order(f"key-{id_order}", client, ((3, 1),), TV))
        if client == SECOND:
            ledger.note(f"key-{id_order}", Answer(Outcome.UNKNOWN, reason="cut"))
        ledger.note(f"key-{id_order}", Answer(Outcome.ACCEPTED, id_order, version))
    ledger.send(Order("refused", FIRST, ((999, 1),), 0))
    ledger.note("refused", Answer(Outcome.REFUSED, reason="422"))
    lists = {
        client: tuple((id_order, TV) for id_order, of, _ in reversed(placed) if of == client)[:KEPT_ORDERS]
        for client in (FIRST, SECOND)
    }
    counts = {FIRST: ORDERS, SECOND: 1}
    return ledger, Evidence(
        clients={client: StoredClient(client, count, count, count * TV) for client, count in counts.items()},
        orders={id_order: StoredOrder(id_order, client, TV, ((3, 1),)) for id_order, client, _ in placed},
        outbox=[OutboxRow(f"registered-{client}", client, 0, None, None) for client in counts]
        + [OutboxRow(f"event-{id_order}", client, version, id_order, TV) for id_order, client, version in placed],
        read={client: ReadClient(client, count, count, count * TV, lists[client]) for client, count in counts.items()},
        mails=[(f"{client}@b.example", id_order) for id_order, client, _ in placed],
        dead_letters={"project_clients": ["no json"], "pipe": []},
        slot=Slot(active=True, confirmed=1000, current=1000, retained=100),
        waiting={"project_clients": 0},
        positions={"shard-0": (5, 5), "shard-1": (None, None)},
    )


def test_nothing_is_found_where_nothing_is_broken() -> None:
    assert broken(*sound()) == []


def test_rows_may_be_pruned_the_oldest_first() -> None:
    ledger, evidence = sound()
    kept = [row for row in evidence.outbox if row.version > 5]
    assert broken(ledger, replace(evidence, outbox=kept, pruned=True)) == []
    with_hole = [row for row in kept if row.version != 9]
    found = broken(ledger, replace(evidence, outbox=with_hole, pruned=True))
    assert [line.split(":")[0] for line in found] == ["versions_have_no_gaps"]


def ledger_note(key: str, answer: Answer) -> Callable[[Scene], Scene]:
    def change(scene: Scene) -> Scene:
        ledger, evidence = scene
        ledger.send(Order(key, FIRST, ((3, 1),), TV)) if key == "lost" else None
        ledger.note(key, answer)
        return ledger, evidence

    return change


def store(**changes: Callable[[Evidence], object]) -> Callable[[Scene], Scene]:
    def change(scene: Scene) -> Scene:
        ledger, evidence = scene
        values = {name: make(evidence) for name, make in changes.items()}
        return ledger, replace(evidence, **values)  # type: ignore[arg-type]

    return change


def order(**changes: object) -> Callable[[Evidence], object]:
    return lambda one: {**one.orders, ORDERS: replace(one.orders[ORDERS], **changes)}  # type: ignore[arg-type]


def read(client: int, **changes: object) -> Callable[[Evidence], object]:
    return lambda one: {**one.read, client: replace(one.read[client], **changes)}  # type: ignore[arg-type]


def listed(change: Callable[[tuple[tuple[int, int], ...]], object]) -> Callable[[Evidence], object]:
    return lambda one: read(FIRST, orders=change(one.read[FIRST].orders))(one)


def row(id_: str, **changes: object) -> Callable[[Evidence], object]:
    return lambda one: [replace(each, **changes) if each.id == id_ else each for each in one.outbox]  # type: ignore[arg-type]


def slot(**changes: object) -> Callable[[Evidence], object]:
    return lambda one: replace(one.slot, **changes)  # type: ignore[arg-type]


BREAKS: list[tuple[str, Callable[[Scene], Scene]]] = [
    ("unknowns_are_settled", ledger_note("lost", Answer(Outcome.UNKNOWN, reason="cut"))),
    ("answers_agree", ledger_note("key-3", Answer(Outcome.ACCEPTED, 999, 4))),
    ("answers_agree", ledger_note("key-3", Answer(Outcome.ACCEPTED, 3, 5))),
    ("answers_agree", ledger_note("lost", Answer(Outcome.ACCEPTED, 3, 4))),
    ("accepted_are_stored", ledger_note("lost", Answer(Outcome.ACCEPTED, 1000, 60))),
    ("accepted_are_stored", store(orders=order(lines=((3, 2),)))),
    ("accepted_are_stored", store(orders=order(total=TV + 1))),
    ("accepted_are_stored", store(orders=order(client_id=FIRST))),
    ("stored_were_accepted", store(orders=lambda one: {**one.orders, 900: StoredOrder(900, SECOND, TV, ((3, 1),))})),
    ("clients_add_up", store(clients=lambda one: {**one.clients, SECOND: replace(one.clients[SECOND], total=TV - 1)})),
    ("clients_add_up", store(clients=lambda one: {**one.clients, SECOND: replace(one.clients[SECOND], order_count=2)})),
    ("clients_add_up", store(clients=lambda one: {FIRST: one.clients[FIRST]})),
    ("one_row_an_order", store(outbox=lambda one: [each for each in one.outbox if each.id != f"event-{LAST}"])),
    ("one_row_an_order", store(outbox=lambda one: [*one.outbox, replace(one.outbox[-1], id="again")])),
    ("one_row_an_order", store(outbox=row("event-3", order_total=TV - 1))),
    ("one_row_an_order", store(outbox=lambda one: [*one.outbox, OutboxRow("stray", SECOND, 2, 5555, TV)])),
    ("one_row_an_order", store(outbox=lambda one: [*row("event-3", version=5)(one)])),  # type: ignore[misc]
    ("versions_have_no_gaps", store(outbox=row("event-3", version=5))),
    ("versions_have_no_gaps", store(outbox=lambda one: [each for each in one.outbox if each.version > 0])),
    ("versions_have_no_gaps", store(outbox=lambda one: [*one.outbox, OutboxRow("x", SECOND, 2, None, None)])),
    ("read_model_is_equal", store(read=read(SECOND, version=0))),
    ("read_model_is_equal", store(read=read(SECOND, total=TV - 1))),
    ("read_model_is_equal", store(read=read(SECOND, order_count=2))),
    ("read_model_is_equal", store(read=lambda one: {FIRST: one.read[FIRST]})),
    ("read_model_is_equal", store(read=lambda one: {**one.read, 5: ReadClient(5, 0, 0, 0, ())})),
    ("order_lists_are_equal", store(read=read(SECOND, orders=()))),
    ("order_lists_are_equal", store(read=read(SECOND, orders=((ORDERS, TV - 1),)))),
    ("order_lists_are_equal", store(read=listed(lambda orders: orders[::-1]))),
    ("order_lists_are_equal", store(read=listed(lambda orders: (*orders, (1, TV))))),
    ("one_mail_an_order", store(mails=lambda one: one.mails[1:])),
    ("one_mail_an_order", store(mails=lambda one: [*one.mails, ("71@b.example", ORDERS)])),
    ("mails_are_not_repeated", store(mails=lambda one: [*one.mails, one.mails[0]])),
    ("dead_letters_are_the_poison", store(dead_letters=lambda _: {"project_clients": []})),
    ("dead_letters_are_the_poison", store(dead_letters=lambda _: {"project_clients": ["no json", "no json"]})),
    ("dead_letters_are_the_poison", store(dead_letters=lambda one: {**one.dead_letters, "pipe": ["{}"]})),
    ("queues_are_empty", store(waiting=lambda _: {"project_clients": 1})),
    ("positions_are_sane", store(slot=slot(active=False))),
    ("positions_are_sane", store(slot=slot(confirmed=1001))),
    ("positions_are_sane", store(slot=slot(current=10**9))),
    ("positions_are_sane", store(slot=slot(retained=RETAINED_BYTES + 1))),
    ("positions_are_sane", store(positions=lambda _: {"shard-0": (4, 5)})),
    ("positions_are_sane", store(positions=lambda _: {"shard-0": (None, 5)})),
]  # fmt: skip


@pytest.mark.parametrize(("check", "change"), BREAKS)
def test_a_broken_promise_is_found(check: str, change: Callable[[Scene], Scene]) -> None:
    assert check in {line.split(":")[0] for line in broken(*change(sound()))}


def test_every_check_is_broken_by_some_test() -> None:
    assert {check.__name__ for check in CHECKS} == {name for name, _ in BREAKS}


def test_a_second_mail_may_be_allowed_a_missing_one_never() -> None:
    ledger, evidence = sound()
    again = replace(evidence, mails=[*evidence.mails, evidence.mails[0]])
    assert broken(ledger, again, mail_repeats=True) == []
    assert broken(ledger, replace(evidence, mails=again.mails[1:-1]), mail_repeats=True)


def test_a_refusal_after_an_unknown_try_settles_it() -> None:
    ledger = Ledger()
    ledger.send(Order("k", FIRST, ((3, 1),), TV))
    assert ledger.count(Outcome.UNKNOWN) == 1
    ledger.note("k", Answer(Outcome.UNKNOWN))
    ledger.note("k", Answer(Outcome.REFUSED, reason="422"))
    assert ledger.count(Outcome.REFUSED) == 1
    ledger.note("k", Answer(Outcome.ACCEPTED, 5, 1))
    assert ledger.accepted == 1
