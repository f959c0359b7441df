"""The record of what was made: whole on disk, private, readable by another process."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from twin.cloud.errors import CloudError
from twin.cloud.kind import Resource
from twin.cloud.state import State


def _resource(number: int, key: str = "") -> Resource:
    return Resource("aws:x:X", f"n{number}", key or f"k{number}", f"id{number}", {"n": number}, {"arn": f"a{number}"})


def test_what_was_put_is_read_by_another(tmp_path: Path) -> None:
    State(tmp_path / "cloud.json").put(_resource(1))
    assert State(tmp_path / "cloud.json").all() == [_resource(1)]


def test_what_was_dropped_is_gone_and_dropping_again_is_fine(tmp_path: Path) -> None:
    state = State(tmp_path / "cloud.json")
    state.put(_resource(1))
    state.drop(_resource(1))
    state.drop(_resource(1))
    assert State(tmp_path / "cloud.json").all() == []


def test_the_same_id_below_two_keys_is_two_resources(tmp_path: Path) -> None:
    state = State(tmp_path / "cloud.json")
    first, second = _resource(1, "a"), _resource(1, "b")
    state.put(first)
    state.put(second)
    assert state.by_id("aws:x:X", "id1", "a") == first
    assert state.by_key("aws:x:X", "b") == second


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    State(tmp_path / "cloud.json").put(_resource(1))
    assert stat.S_IMODE((tmp_path / "cloud.json").stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    state = State(tmp_path / "cloud.json")
    threads = [threading.Thread(target=state.put, args=(_resource(number),)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.id for one in State(tmp_path / "cloud.json").all()} == {f"id{number}" for number in range(40)}


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', json.dumps({"format": 99, "resources": []})])
def test_a_file_that_is_no_state_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cloud.json").write_text(text)
    with pytest.raises(CloudError, match=r"cloud\.json"):
        State(tmp_path / "cloud.json")
