"""Order and completeness of what goes into Kinesis, whatever it throttles."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.capture.conftest import until
from twin.capture.errors import KinesisError, StoppedError
from twin.capture.kinesis import MOST_BYTES, MOST_RECORDS
from twin.capture.lane import Ticket, choose, to_resend
from twin.capture.record import Record
from twin.capture.sink import KinesisSink

keys = st.sampled_from("abc")


def numbered(keys_: Sequence[str]) -> list[Record]:
    return [(key, str(number).encode()) for number, key in enumerate(keys_)]


def of(records: Sequence[Record], key: str) -> list[bytes]:
    return [data for key_, data in records if key_ == key]


@given(st.lists(keys, max_size=50), st.integers(1, 5))
def test_a_call_holds_at_most_a_window_of_each_key_and_keeps_its_order(keys_: list[str], window: int) -> None:
    records = numbered(keys_)
    call, later = choose(records, window)
    assert sorted(call + later) == sorted(records)
    for key in "abc":
        assert of(call, key) + of(later, key) == of(records, key)
        assert len(of(call, key)) == min(window, keys_.count(key))


def test_a_call_keeps_to_the_limits_of_kinesis() -> None:
    call, later = choose([("k", b"x")] * 501, MOST_RECORDS)
    assert (len(call), len(later)) == (500, 1)
    big = [("k", b"x" * ((1 << 20) - 1))] * 6
    call, later = choose(big, MOST_RECORDS)
    assert sum(len(key) + len(data) for key, data in call) <= MOST_BYTES
    assert (len(call), len(later)) == (5, 1)


def test_what_follows_a_refused_record_of_its_key_is_sent_again() -> None:
    call = numbered("aabab")
    assert to_resend(call, [None, "Throttled", None, None, None]) == [call[1], call[3]]


class Stream:
    """Takes records at random, keeps those taken; a whole call may fail before or after it was taken."""

    def __init__(self, seed: int, refusal: float, failure: float = 0.0) -> None:
        self.taken: list[Record] = []
        self._random = random.Random(seed)
        self._refusal = refusal
        self._failure = failure

    def put(self, records: Sequence[Record]) -> list[str | None]:
        if self._random.random() < self._failure:
            if self._random.random() < 0.5:
                self.taken += records
            raise KinesisError("the connection broke")
        codes = ["Throttled" if self._random.random() < self._refusal else None for _ in records]
        self.taken += [record for record, code in zip(records, codes, strict=True) if not code]
        return list(codes)

    def close(self) -> None:
        return


@pytest.fixture
def wake() -> Iterator[tuple[int, int]]:
    pipe = os.pipe2(os.O_NONBLOCK)
    yield pipe
    for descriptor in pipe:
        os.close(descriptor)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.capture.sink._THROTTLED_FIRST_S", 0.0001)
    monkeypatch.setattr("twin.capture.sink._THROTTLED_LONGEST_S", 0.0001)
    monkeypatch.setattr("twin.capture.sink._FAILED_FIRST_S", 0.0001)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(("seed", "lanes"), [(1, 1), (2, 3)])
def test_the_last_copies_of_a_key_are_complete_and_in_order(wake: tuple[int, int], seed: int, lanes: int) -> None:
    streams = [Stream(seed + lane, refusal=0.1, failure=0.1) for lane in range(lanes)]
    sink = KinesisSink(streams, wake=wake[1])
    dice = random.Random(seed)
    records = numbered([dice.choice("abcdefgh") for _ in range(2000)])
    tickets = [Ticket(place) for place in range(0, 2000, 100)]
    for ticket in tickets:
        sink.submit(records[ticket.position : ticket.position + 100], ticket)
    until(lambda: all(ticket.done for ticket in tickets), "all taken")
    sink.close(5)

    last: dict[str, dict[bytes, int]] = defaultdict(dict)
    for stream in streams:
        for place, (key, data) in enumerate(stream.taken):
            last[key].pop(data, None)
            last[key][data] = place
    for key in "abcdefgh":
        assert list(last[key]) == of(records, key)


@pytest.mark.usefixtures("no_pauses")
def test_a_throttled_key_is_not_sent_over_and_over(wake: tuple[int, int]) -> None:
    stream = Stream(1, refusal=0.3)
    sink = KinesisSink([stream], wake=wake[1])
    ticket = Ticket(1)
    sink.submit([("hot", str(number).encode()) for number in range(500)], ticket)
    until(lambda: ticket.done, "all taken")
    sink.close(5)
    # The first call is taken for the most part before the lane gets careful; afterwards copies are few.
    assert len(stream.taken) < 500 * 3


def test_a_ticket_is_not_done_before_all_its_lanes_are(wake: tuple[int, int]) -> None:
    free = threading.Event()

    class Held(Stream):
        def put(self, records: Sequence[Record]) -> list[str | None]:
            if of(records, "b"):
                free.wait(30)
            return super().put(records)

    streams = [Held(1, 0.0) for _ in range(8)]
    accepted: list[Sequence[str]] = []
    sink = KinesisSink(streams, wake=wake[1], on_accepted=accepted.append)
    ticket = Ticket(1, ("event",))
    sink.submit(numbered("abcdefgh"), ticket)
    until(lambda: sum(len(stream.taken) for stream in streams) >= 5, "the other lanes")
    assert not ticket.done
    assert [events for events in accepted if events] == []
    free.set()
    until(lambda: ticket.done, "the ticket")
    sink.close(5)
    assert [events for events in accepted if events] == [("event",)]


def test_a_lane_gives_up_only_when_the_settings_say_so(wake: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.capture.sink._FAILED_FIRST_S", 0.001)
    sink = KinesisSink([Stream(1, refusal=0, failure=1)], wake=wake[1], retries=2)
    sink.submit(numbered("a"), Ticket(1))

    def gave_up() -> bool:
        try:
            sink.check()
        except StoppedError as error:
            return "RecoverableErrorCount" in str(error)
        return False

    until(gave_up, "the lane")
    sink.close(1)


def test_closing_does_not_wait_for_a_kinesis_that_is_down(wake: tuple[int, int]) -> None:
    sink = KinesisSink([Stream(1, refusal=0, failure=1)], wake=wake[1])
    ticket = Ticket(1)
    sink.submit(numbered("a"), ticket)
    begun = time.monotonic()
    sink.close(0.2)
    assert time.monotonic() - begun < 10
    assert not ticket.done
