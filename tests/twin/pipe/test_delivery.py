"""A batch is delivered until each record is accepted or given up; a poison record stops nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.pipe.dead_letters import EXHAUSTED, TOO_OLD, dead_letter, runs
from twin.pipe.delivery import Delivery, Policy
from twin.pipe.errors import StoppedError
from twin.pipe.records import Item
from twin.pipe.targets import Kind, Refusal


def items(count: int, arrival: float = 1000.0) -> list[Item]:
    return [Item(f"{number:05d}", arrival, f"m{number}", None) for number in range(count)]


class Scene:
    """A target that refuses as told, and what came of it."""

    def __init__(self, *, poison: Sequence[int] = (), kind: Kind = Kind.ENTRY, busy: int = 0, policy: Policy) -> None:
        self.accepted: list[str] = []
        self.buried: list[tuple[list[str], str]] = []
        self.calls: list[list[str]] = []
        self.pauses: list[float] = []
        self._poison = {f"m{number}" for number in poison}
        self._kind = kind
        self._busy = busy
        self.delivery = Delivery(self._deliver, self._give_up, policy, pause=self.pauses.append, clock=lambda: 1000.0)

    def _deliver(self, messages: list[str]) -> list[Refusal]:
        self.calls.append(messages)
        if self._busy:
            self._busy -= 1
            return [Refusal(index, Kind.BUSY, "slow down") for index in range(len(messages))]
        poisoned = [index for index, message in enumerate(messages) if message in self._poison]
        if poisoned and self._kind is Kind.REQUEST:
            return [Refusal(index, Kind.REQUEST, "bad request") for index in range(len(messages))]
        self.accepted += [message for message in messages if message not in self._poison]
        return [Refusal(index, Kind.ENTRY, "bad message") for index in poisoned]

    def _give_up(self, buried: Sequence[Item], condition: str) -> None:
        self.buried.append(([item.message for item in buried], condition))


def policy(retries: int = 2, age_s: int = -1, *, bisect: bool = True) -> Policy:
    return Policy(retries, age_s, bisect)


def test_a_good_batch_is_one_request() -> None:
    scene = Scene(policy=policy())
    assert scene.delivery.run(items(10)) == []
    assert scene.calls == [[f"m{number}" for number in range(10)]]


def test_only_the_refused_message_is_sent_again() -> None:
    scene = Scene(poison=[3], policy=policy(retries=2))
    scene.delivery.run(items(10))
    assert scene.calls[1:] == [["m3"], ["m3"]]
    assert scene.buried == [(["m3"], EXHAUSTED)]
    assert len(scene.accepted) == len(set(scene.accepted)) == 9


@given(st.sets(st.integers(0, 9)), st.sampled_from([Kind.ENTRY, Kind.REQUEST]), st.integers(0, 3), st.integers(0, 3))
def test_with_bisecting_exactly_the_poison_is_given_up(poison: set[int], kind: Kind, retries: int, busy: int) -> None:
    scene = Scene(poison=sorted(poison), kind=kind, busy=busy, policy=policy(retries))
    scene.delivery.run(items(10))
    buried = [message for messages, _ in scene.buried for message in messages]
    assert sorted(buried) == sorted(f"m{number}" for number in poison)
    assert sorted(scene.accepted) == sorted(f"m{number}" for number in range(10) if number not in poison)


def test_a_single_record_gets_all_its_retries_after_bisecting() -> None:
    scene = Scene(poison=[0], kind=Kind.REQUEST, policy=policy(retries=3))
    scene.delivery.run(items(8))
    assert scene.calls.count(["m0"]) == 4


def test_without_bisecting_the_batch_shares_the_fate_of_its_poison() -> None:
    scene = Scene(poison=[3], kind=Kind.REQUEST, policy=policy(retries=1, bisect=False))
    scene.delivery.run(items(4))
    assert len(scene.calls) == 2
    assert scene.buried == [(["m0", "m1", "m2", "m3"], EXHAUSTED)]


def test_a_busy_target_costs_no_retry() -> None:
    scene = Scene(busy=50, policy=policy(retries=0))
    scene.delivery.run(items(10))
    assert scene.buried == []
    assert len(scene.accepted) == 10
    assert len(scene.pauses) == 50


def test_records_that_became_too_old_are_given_up_unsent() -> None:
    scene = Scene(policy=policy(age_s=60))
    old, young = items(3, arrival=900.0), items(6)[3:]
    scene.delivery.run(old + young)
    assert scene.buried == [(["m0", "m1", "m2"], TOO_OLD)]
    assert scene.accepted == ["m3", "m4", "m5"]


def test_retries_without_limit_end_only_by_stopping() -> None:
    scene = Scene(poison=[0], policy=policy(retries=-1))

    def stop_after_many(seconds: float) -> None:
        scene.pauses.append(seconds)
        if len(scene.pauses) == 200:
            raise StoppedError("enough")

    delivery = Delivery(scene._deliver, scene._give_up, policy(retries=-1), pause=stop_after_many)
    with pytest.raises(StoppedError):
        delivery.run(items(1))
    assert scene.buried == []


def test_a_dead_letter_covers_no_record_that_was_delivered() -> None:
    batch = items(6)
    picked = [batch[0], batch[1], batch[3], batch[5]]
    assert list(runs(picked, batch)) == [[batch[0], batch[1]], [batch[3]], [batch[5]]]


def test_the_dead_letter_points_to_the_records() -> None:
    document = dead_letter(
        "arn:pipe", "arn:stream", "shard-1", items(2, arrival=1687187026.62), EXHAUSTED, 1687187031.498
    )
    assert document == {
        "context": {"partnerResourceArn": "arn:pipe", "condition": "RetryAttemptsExhausted"},
        "version": "1.0",
        "timestamp": "2023-06-19T15:03:51.498Z",
        "KinesisBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": "00000",
            "endSequenceNumber": "00001",
            "approximateArrivalOfFirstRecord": "2023-06-19T15:03:46.620Z",
            "approximateArrivalOfLastRecord": "2023-06-19T15:03:46.620Z",
            "batchSize": 2,
            "streamArn": "arn:stream",
        },
    }
