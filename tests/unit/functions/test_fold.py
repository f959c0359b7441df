"""Folding a batch: the newest state of each client, all its orders, all its messages."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from functions.common.order_text import order_json
from functions.project_clients.fold import fold
from tests.functions.samples import SECONDS, client_event, decode_client, decode_order, message, order_placed

EVENTS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 120)), max_size=200)


@example([(1, version) for version in range(120, 0, -1)])
@given(EVENTS)
def test_a_fold_has_the_newest_state_and_the_newest_orders(pairs: list[tuple[int, int]]) -> None:
    cache = {pair: decode_client(message(order_placed(*pair))) for pair in set(pairs)}
    changes = fold((f"m{number}", cache[pair]) for number, pair in enumerate(pairs))
    assert {change.client.id for change in changes} == {client for client, _ in pairs}
    assert len(changes) == len({client for client, _ in pairs})
    for change in changes:
        versions = sorted({version for client, version in pairs if client == change.client.id}, reverse=True)
        assert change.client == cache[change.client.id, versions[0]].client
        assert [version for version, _ in change.newest_orders()] == versions[:50]
        assert change.message_ids == [
            f"m{number}" for number, (client, _) in enumerate(pairs) if client == change.client.id
        ]


def test_events_without_an_order_fold_into_the_state_alone() -> None:
    payloads = [client_event("ClientRegistered", version=0), order_placed(version=1), client_event(version=2)]
    events = [decode_client(message(payload)) for payload in payloads]
    for which in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        [change] = fold((str(number), events[number]) for number in which)
        assert change.client == events[2].client
        assert [version for version, _ in change.newest_orders()] == [1]
        assert sorted(change.message_ids) == ["0", "1", "2"]
    [change] = fold([("m", events[0])])
    assert change.newest_orders() == []


def test_an_order_is_kept_as_json_with_known_members_only() -> None:
    payload = order_placed()
    plain = order_json(decode_order(payload).order)
    payload["data"]["order"]["added_later"] = 1
    assert order_json(decode_order(payload).order) == plain
    assert json.loads(plain) == {
        "id": 1,
        "total": "3000.00",
        "placed_at": SECONDS,
        "lines": [{"id": 1, "price": "1500.00", "qty": 1}, {"id": 2, "price": "500.00", "qty": 3}],
    }
