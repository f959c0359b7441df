"""Kinesis as AWS does it, where ministack differs in a way that loses records or time.

- Resharding: AWS closes a parent shard and keeps its records until they expire; ministack deletes the shard
  with all that was not read. UpdateShardCount even gives the new shards the names of the old ones.
- Expiry of records and of iterators: ministack goes through all of them at each call, so that a stream of
  100,000 records makes every call slow.

Closed shards carry `ending_sequence_number`, as the shards of the API do.
"""

from __future__ import annotations

import json
import time
from typing import Any

Shard = dict[str, Any]
Stream = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

ITERATOR_SWEEP_S = 5.0


def repair(kinesis: Any) -> None:
    """Put right what the module's docstring names, in ministack's Kinesis module."""
    _expire_fast(kinesis)
    _reshard_without_loss(kinesis)


def _expire_fast(kinesis: Any) -> None:
    expire_iterators = kinesis._expire_iterators
    swept = 0.0

    def expire_records(stream: Stream) -> None:
        cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
        for shard in stream["shards"].values():
            records = shard["records"]
            # Records are in order of arrival: usually a look at the first one is enough.
            if records and records[0]["ApproximateArrivalTimestamp"] < cutoff:
                kept = [record for record in records if record["ApproximateArrivalTimestamp"] >= cutoff]
                _move_iterators(kinesis, shard, len(records) - len(kept))
                shard["records"] = kept

    def expire_iterators_now_and_then() -> None:
        nonlocal swept
        if time.monotonic() - swept > ITERATOR_SWEEP_S:
            swept = time.monotonic()
            expire_iterators()

    kinesis._expire_records = expire_records
    kinesis._expire_iterators = expire_iterators_now_and_then


def _move_iterators(kinesis: Any, shard: Shard, removed: int) -> None:
    # An iterator is an index into the list of records, which has just become shorter at its start.
    for state in kinesis._shard_iterators.values():
        stream = kinesis._streams.get(state["stream"])
        if stream is not None and stream["shards"].get(state["shard_id"]) is shard:
            state["position"] = max(0, state["position"] - removed)


def _reshard_without_loss(kinesis: Any) -> None:
    route, shard_out, get_records = kinesis._route_to_shard, kinesis._shard_out, kinesis._get_records
    summary = kinesis._describe_stream_summary

    def route_to_open_shard(hash_key: int, stream: Stream) -> str:
        name: str = route(hash_key, {"shards": open_shards(stream)})
        return name

    def shard_out_with_end(name: str, shard: Shard) -> dict[str, Any]:
        document: dict[str, Any] = shard_out(name, shard)
        if "ending_sequence_number" in shard:
            document["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
        return document

    def get_records_to_the_end(data: dict[str, Any]) -> Answer:
        state = kinesis._shard_iterators.get(data.get("ShardIterator"))
        answer: Answer = get_records(data)
        stream = kinesis._streams.get(state["stream"]) if state else None
        shard = stream["shards"].get(state["shard_id"]) if state and stream else None
        if answer[0] != 200 or stream is None or shard is None or "ending_sequence_number" not in shard:
            return answer
        document = json.loads(answer[2])
        if state is not None and state["position"] + len(document["Records"]) >= len(shard["records"]):
            del document["NextShardIterator"]
            document["ChildShards"] = _children(stream, state["shard_id"])
        return answer[0], answer[1], json.dumps(document).encode()

    def summary_of_open_shards(data: dict[str, Any]) -> Answer:
        answer: Answer = summary(data)
        _, stream = kinesis._resolve_stream(data)
        if answer[0] != 200 or stream is None:
            return answer
        document = json.loads(answer[2])
        document["StreamDescriptionSummary"]["OpenShardCount"] = len(open_shards(stream))
        return answer[0], answer[1], json.dumps(document).encode()

    kinesis._route_to_shard = route_to_open_shard
    kinesis._shard_out = shard_out_with_end
    kinesis._get_records = get_records_to_the_end
    kinesis._describe_stream_summary = summary_of_open_shards
    kinesis._split_shard = _keeping_parents(kinesis, kinesis._split_shard)
    kinesis._merge_shards = _keeping_parents(kinesis, kinesis._merge_shards)
    kinesis._update_shard_count = _update_keeping_parents(kinesis, kinesis._update_shard_count)


def open_shards(stream: Stream) -> dict[str, Shard]:
    """Give the shards of a stream that take records, by name."""
    return {name: shard for name, shard in stream["shards"].items() if "ending_sequence_number" not in shard}


def _children(stream: Stream, parent: str) -> list[dict[str, Any]]:
    return [
        {
            "ShardId": name,
            "ParentShards": [
                other for other in (shard["parent_shard_id"], shard["adjacent_parent_shard_id"]) if other is not None
            ],
            "HashKeyRange": {
                "StartingHashKey": shard["starting_hash_key"],
                "EndingHashKey": shard["ending_hash_key"],
            },
        }
        for name, shard in sorted(stream["shards"].items())
        if parent in (shard["parent_shard_id"], shard["adjacent_parent_shard_id"])
    ]


def _keeping_parents(kinesis: Any, original: Any) -> Any:
    def reshard(data: dict[str, Any]) -> Answer:
        _, stream = kinesis._resolve_stream(data)
        before = dict(stream["shards"]) if stream else {}
        for key in ("ShardToSplit", "ShardToMerge", "AdjacentShardToMerge"):
            if "ending_sequence_number" in before.get(data.get(key), {}):
                refusal: Answer = kinesis.error_response_json(
                    "ResourceInUseException", f"Shard {data[key]} is closed and cannot be resharded.", 400
                )
                return refusal
        answer: Answer = original(data)
        if stream is not None:
            _close_missing(kinesis, stream, before)
        return answer

    return reshard


def _update_keeping_parents(kinesis: Any, original: Any) -> Any:
    def update(data: dict[str, Any]) -> Answer:
        _, stream = kinesis._resolve_stream(data)
        if stream is None or not isinstance(data.get("TargetShardCount"), int) or data["TargetShardCount"] < 1:
            refusal: Answer = original(data)
            return refusal
        before = dict(stream["shards"])
        old = open_shards(stream)
        target = data["TargetShardCount"]
        if target != len(old):
            new = kinesis._build_shards(target, start_index=kinesis._max_shard_index(stream) + 1)
            for shard in new.values():
                # AWS splits and merges step by step; here a new shard descends at once from those it takes over.
                parents = [name for name, parent in old.items() if _overlap(shard, parent)]
                shard["parent_shard_id"] = parents[0]
                shard["adjacent_parent_shard_id"] = parents[1] if len(parents) > 1 else None
            stream["shards"] = new
            _close_missing(kinesis, stream, before)
        answer: Answer = kinesis.json_response(
            {
                "StreamName": stream["StreamName"],
                "CurrentShardCount": len(old),
                "TargetShardCount": target,
                "StreamARN": stream["StreamARN"],
            }
        )
        return answer

    return update


def _overlap(one: Shard, other: Shard) -> bool:
    return int(one["starting_hash_key"]) <= int(other["ending_hash_key"]) and int(other["starting_hash_key"]) <= int(
        one["ending_hash_key"]
    )


def _close_missing(kinesis: Any, stream: Stream, before: dict[str, Shard]) -> None:
    added = {name: shard for name, shard in stream["shards"].items() if name not in before}
    for name, shard in before.items():
        if name not in stream["shards"]:
            shard.setdefault("ending_sequence_number", kinesis._next_sequence_number())
    stream["shards"] = {**before, **added} if added else stream["shards"]
    # Readers that wait at the end of a parent are to learn that it has ended.
    kinesis.esm_wake.set()
