"""A pipe needs the permissions that a pipe on AWS needs, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.twin.emulator.functions import make_role
from tests.twin.pipe.scene import Scene, change, wait_until
from twin.emulator import Emulator


def test_the_permissions_that_aws_names_are_enough(
    make_scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> None:
    emulator = Emulator(tmp_path_factory.mktemp("emulator"), enforce_iam=True)
    emulator.start()
    try:
        scene = make_scene(on=emulator)
        reading = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
        role = make_role(
            emulator,
            "pipes.amazonaws.com",
            {
                "Effect": "Allow",
                "Action": [f"kinesis:{action}" for action in reading],
                "Resource": scene.arn("kinesis", f"stream/{scene.name}"),
            },
            {"Effect": "Allow", "Action": "sns:Publish", "Resource": scene.topic_arn},
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": scene.arn("sqs", f"{scene.name}-dlq")},
        )
        scene.start_process({**scene.document(), "aws": emulator.role_aws(role, "pipes.amazonaws.com")})
        poison = json.loads(change("poison"))
        poison["data"]["payload"] = "x" * 300_000
        scene.put(["e-1"])
        scene.put_raw([json.dumps(poison).encode()])
        assert scene.take_until(["e-1"]) == ["e-1"]
        assert len(wait_until(scene.dead_letters, "a dead letter")) == 1
        scene.stop()
    finally:
        emulator.stop()
