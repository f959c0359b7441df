"""The promises of the design as checks of a ledger against what the stores hold.

Each check gives one sentence for each thing that is wrong, and nothing else: no I/O, no waiting. They are meant for a
system at rest, with every unknown order settled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from drills.evidence import Evidence, OutboxRow
from drills.ledger import Entry, Ledger, Outcome
from functions.common.read_model import KEPT_ORDERS

# What a slot may keep of the log while nothing lags: log is removed by the segment (16 MiB), at checkpoints.
RETAINED_BYTES = 512 * 2**20
LAG_BYTES = 2**20

Check = Callable[[Ledger, Evidence], Iterator[str]]


def unknowns_are_settled(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Nothing is left of which the caller does not know whether it was taken."""
    for entry in ledger.having(Outcome.UNKNOWN):
        yield f"order {entry.order.key} is still unknown: {entry.answers[-1].reason if entry.answers else 'no answer'}"


def answers_agree(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """A key repeated gets the same answer, and no other key gets it."""
    keys: dict[int, str] = {}
    for entry in ledger.entries:
        told = {(answer.id_order, answer.version) for answer in entry.answers if answer.outcome is Outcome.ACCEPTED}
        if len(told) > 1:
            yield f"order {entry.order.key} was answered differently: {sorted(told, key=str)}"
        if entry.accepted is not None:
            other = keys.setdefault(entry.accepted[0], entry.order.key)
            if other != entry.order.key:
                yield f"orders {other} and {entry.order.key} were both told the id {entry.accepted[0]}"


def accepted_are_stored(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Each accepted order is in the write model, for its client, with its lines, to the cent."""
    for id_order, entry in _accepted(ledger).items():
        stored, order = evidence.orders.get(id_order), entry.order
        if stored is None:
            yield f"order {id_order} ({order.key}) was accepted and is not stored"
        elif (stored.client_id, stored.total, sorted(stored.lines)) != (
            order.client_id,
            order.total,
            sorted(order.lines),
        ):
            yield f"order {id_order} ({order.key}) is stored as {stored}, not as {order}"


def stored_were_accepted(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Nothing is stored that was not accepted: no order twice, none that was refused."""
    accepted = _accepted(ledger)
    for id_order, stored in evidence.orders.items():
        if id_order not in accepted:
            yield f"order {id_order} of client {stored.client_id} is stored and was accepted from nobody"


def clients_add_up(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """A client's count and total are those of its orders."""
    counts: Counter[int] = Counter()
    totals: Counter[int] = Counter()
    for order in evidence.orders.values():
        counts[order.client_id] += 1
        totals[order.client_id] += order.total
    for id_client in ledger.clients:
        client = evidence.clients.get(id_client)
        if client is None:
            yield f"client {id_client} is not stored"
        elif (client.order_count, client.total) != (counts[id_client], totals[id_client]):
            yield (
                f"client {id_client} has {client.order_count} orders of {client.total} cents; "
                f"its orders are {counts[id_client]} of {totals[id_client]}"
            )


def one_row_an_order(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Each order has one row in the outbox, with its amount and the version that the caller was told."""
    rows: defaultdict[int, list[OutboxRow]] = defaultdict(list)
    for row in evidence.outbox:
        if row.order_id is not None:
            rows[row.order_id].append(row)
    versions = {entry.accepted[0]: entry.accepted[1] for entry in ledger.entries if entry.accepted is not None}
    for id_order, order in evidence.orders.items():
        found = rows.pop(id_order, [])
        if len(found) != 1 and not (evidence.pruned and not found):
            yield f"order {id_order} has {len(found)} rows in the outbox"
        for row in found:
            if (row.client_id, row.order_total) != (order.client_id, order.total):
                yield f"the outbox row of order {id_order} is {row}, the order is {order}"
            if versions.get(id_order, row.version) != row.version:
                yield f"order {id_order} has version {row.version} in the outbox; {versions[id_order]} was answered"
    for id_order in rows:
        yield f"the outbox has a row of order {id_order}, which is not stored"


def versions_have_no_gaps(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """A client's events carry each version up to the client's once; pruning takes the oldest only."""
    versions: defaultdict[int, list[int]] = defaultdict(list)
    for row in evidence.outbox:
        versions[row.client_id].append(row.version)
    for id_client, client in evidence.clients.items():
        found = sorted(versions[id_client])
        first = found[0] if evidence.pruned and found else 0
        if found != list(range(first, client.version + 1)) and not (evidence.pruned and not found):
            yield f"client {id_client} is at version {client.version}; its events are {_brief(found)}"


def read_model_is_equal(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """The read model shows each client as the write model has it."""
    for id_client, client in evidence.clients.items():
        read = evidence.read.get(id_client)
        if read is None:
            yield f"client {id_client} is not in the read model"
        elif (read.version, read.order_count, read.total) != (client.version, client.order_count, client.total):
            yield (
                f"client {id_client} is read as version {read.version}, {read.order_count} orders, {read.total} cents; "
                f"it is version {client.version}, {client.order_count} orders, {client.total} cents"
            )
    for id_client in set(evidence.read) - set(evidence.clients):
        yield f"client {id_client} is in the read model only"


def order_lists_are_equal(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """The read model lists each client's last orders, the newest first, to the cent."""
    orders: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for order in evidence.orders.values():
        orders[order.client_id].append((order.id, order.total))
    for id_client, read in evidence.read.items():
        expected = sorted(orders[id_client], reverse=True)[:KEPT_ORDERS]
        if list(read.orders) != expected:
            wrong = set(read.orders) ^ set(expected)
            yield f"the order list of client {id_client} differs in {_brief(sorted(wrong)) if wrong else 'its order'}"


def one_mail_an_order(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Each order is mailed about, to its client. Repeats are for `mails_are_not_repeated`."""
    addresses, mails = ledger.clients, set(evidence.mails)
    expected = {(addresses[order.client_id], order.id) for order in evidence.orders.values()}
    for address, id_order in sorted(expected - mails):
        yield f"no mail about order {id_order} went to {address}"
    for address, id_order in sorted(mails - expected):
        yield f"a mail about order {id_order} went to {address}, which did not place it"


def mails_are_not_repeated(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """No order is mailed about twice."""
    for (address, id_order), count in Counter(evidence.mails).items():
        if count > 1:
            yield f"{count} mails about order {id_order} went to {address}"


def dead_letters_are_the_poison(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """The dead-letter queues hold what was sent to break consumers, and nothing else."""
    poison = ledger.poison
    for queue in sorted({*poison, *evidence.dead_letters}):
        sent, found = Counter(poison.get(queue, [])), Counter(evidence.dead_letters.get(queue, []))
        for body, count in (sent - found).items():
            yield f"{count} poisoned messages of {queue} are not among its dead letters: {body:.80}"
        for body, count in (found - sent).items():
            yield f"{count} dead letters of {queue} are no poison: {body:.300}"


def queues_are_empty(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Nothing waits in a consumer's queue."""
    for queue, count in evidence.waiting.items():
        if count:
            yield f"{count} messages wait in the queue {queue}"


def positions_are_sane(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """The slot is read, has been confirmed to about the end of the log and not beyond, and keeps little of it.

    The pipe's checkpoints are at the last records of their shards.
    """
    slot = evidence.slot
    if not slot.active:
        yield "nobody reads the replication slot"
    if slot.confirmed > slot.current:
        yield f"the slot is confirmed to {slot.confirmed}, beyond the end of the log at {slot.current}"
    if slot.current - slot.confirmed > LAG_BYTES:
        yield f"the slot lags {slot.current - slot.confirmed} bytes behind the log"
    if slot.retained > RETAINED_BYTES:
        yield f"the slot keeps {slot.retained} bytes of the log"
    for shard, (checkpoint, last) in evidence.positions.items():
        if checkpoint != last:
            yield f"the pipe's checkpoint of {shard} is {checkpoint}; its last record is {last}"


CHECKS: tuple[Check, ...] = (
    unknowns_are_settled,
    answers_agree,
    accepted_are_stored,
    stored_were_accepted,
    clients_add_up,
    one_row_an_order,
    versions_have_no_gaps,
    read_model_is_equal,
    order_lists_are_equal,
    one_mail_an_order,
    mails_are_not_repeated,
    dead_letters_are_the_poison,
    queues_are_empty,
    positions_are_sane,
)


def broken(ledger: Ledger, evidence: Evidence, *, mail_repeats: bool = False) -> list[str]:
    """Give all that is wrong, each sentence led by the name of its check.

    Args:
        mail_repeats: a second mail about an order is no finding (docs/decisions/notify.md says when there may be one).
    """
    checks = [check for check in CHECKS if not (mail_repeats and check is mails_are_not_repeated)]
    return [f"{check.__name__}: {finding}" for check in checks for finding in check(ledger, evidence)]


def _accepted(ledger: Ledger) -> Mapping[int, Entry]:
    return {entry.accepted[0]: entry for entry in ledger.entries if entry.accepted is not None}


def _brief(values: list[int] | list[tuple[int, int]]) -> str:
    shown = ", ".join(map(str, values[:10]))
    return f"{shown}, ... ({len(values)})" if len(values) > 10 else shown or "none"
