"""Kinesis behaves as on AWS where ministack would lose records."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from twin.emulator import Emulator, streams


@pytest.fixture
def stream(emulator: Emulator) -> str:
    name = uuid4().hex
    emulator.client("kinesis").create_stream(StreamName=name, ShardCount=2)
    return name


def read_all(kinesis: Any, stream: str, shard: str) -> tuple[list[bytes], dict[str, Any]]:
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    answer = kinesis.get_records(ShardIterator=iterator["ShardIterator"])
    return [record["Data"] for record in answer["Records"]], answer


@pytest.mark.parametrize("how", ["split", "merge", "update"])
def test_a_closed_shard_keeps_its_records_and_ends(emulator: Emulator, stream: str, how: str) -> None:
    kinesis = emulator.client("kinesis")
    for number in range(20):
        kinesis.put_record(StreamName=stream, Data=f"old-{number}".encode(), PartitionKey=str(number))
    old = [shard["ShardId"] for shard in kinesis.list_shards(StreamName=stream)["Shards"]]
    if how == "split":
        kinesis.split_shard(StreamName=stream, ShardToSplit=old[0], NewStartingHashKey=str(2**126))
    elif how == "merge":
        kinesis.merge_shards(StreamName=stream, ShardToMerge=old[0], AdjacentShardToMerge=old[1])
    else:
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    for number in range(20):
        kinesis.put_record(StreamName=stream, Data=f"new-{number}".encode(), PartitionKey=str(number))

    shards = {shard["ShardId"]: shard for shard in kinesis.list_shards(StreamName=stream)["Shards"]}
    closed = {name for name, shard in shards.items() if "EndingSequenceNumber" in shard["SequenceNumberRange"]}
    assert closed == ({old[0]} if how == "split" else set(old))
    children = [shard for shard in shards.values() if shard.get("ParentShardId")]
    assert {child["ParentShardId"] for child in children} <= closed
    assert len(children) == {"split": 2, "merge": 1, "update": 4}[how]
    if how == "merge":
        assert children[0]["AdjacentParentShardId"] == old[1]
    count = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["OpenShardCount"]
    assert count == len(shards) - len(closed)

    everything = []
    for name in shards:
        records, answer = read_all(kinesis, stream, name)
        everything += records
        assert ("NextShardIterator" in answer) is (name not in closed)
        if name in closed:
            assert all(record.startswith(b"old") for record in records)
            assert answer["ChildShards"]
    assert sorted(everything) == sorted(f"{age}-{number}".encode() for age in ("old", "new") for number in range(20))


def test_a_closed_shard_is_not_resharded_again(emulator: Emulator, stream: str) -> None:
    kinesis = emulator.client("kinesis")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(2**126))
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(2**125))


def test_expired_records_go_and_iterators_stay_at_their_record(monkeypatch: pytest.MonkeyPatch) -> None:
    shard: dict[str, Any] = {"records": [{"ApproximateArrivalTimestamp": float(second)} for second in range(10)]}
    stream = {"shards": {"0": shard}, "RetentionPeriodHours": 1}
    iterator = {"stream": "s", "shard_id": "0", "position": 7, "created_at": 0.0}
    kinesis = SimpleNamespace(
        _expire_records=None,
        _expire_iterators=lambda: None,
        _shard_iterators={"i": iterator},
        _streams={"s": stream},
    )
    streams._expire_fast(kinesis)
    monkeypatch.setattr(time, "time", lambda: 3600.0 + 4)
    kinesis._expire_records(stream)
    assert [record["ApproximateArrivalTimestamp"] for record in shard["records"]] == [4, 5, 6, 7, 8, 9]
    assert iterator["position"] == 3
