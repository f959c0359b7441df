"""Inputs against the API models: each rule is found, named, and no right value is refused."""

from __future__ import annotations

from typing import Any

import pytest

from twin.cloud.errors import InputError
from twin.cloud.kind import Request
from twin.cloud.shape import check

STREAM = "sourceParameters.kinesisStreamParameters"
PIPE: dict[str, Any] = {
    "name": "events",
    "roleArn": "arn:aws:iam::123456789012:role/pipe",
    "source": "arn:aws:kinesis:eu-west-1:123456789012:stream/events",
    "target": "arn:aws:sns:eu-west-1:123456789012:events",
    "sourceParameters": {
        "kinesisStreamParameters": {
            "startingPosition": "TRIM_HORIZON", "batchSize": 10, "onPartialBatchItemFailure": "AUTOMATIC_BISECT",
        },
        "filterCriteria": {"filters": [{"pattern": '{"data":{}}'}]},
    },
    "logConfiguration": {"level": "ERROR", "includeExecutionDatas": ["ALL"]},
}  # fmt: skip
FUNCTION = {"name": "f", "role": "arn:aws:iam::123456789012:role/f", "runtime": "python3.13", "handler": "a.b"}


def _check(typ: str, inputs: dict[str, Any]) -> None:
    check(Request(typ, "name", inputs, ""))


def _with(inputs: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    return {**inputs, head: _with(inputs.get(head, {}), rest, value) if rest else value}


def test_right_inputs_pass() -> None:
    _check("aws:pipes/pipe:Pipe", PIPE)
    _check("aws:lambda/function:Function", FUNCTION)


@pytest.mark.parametrize(
    ("typ", "inputs", "path", "value", "said"),
    [
        ("aws:pipes/pipe:Pipe", PIPE, "desiredState", "PAUSED", "'PAUSED'; it must be one of RUNNING, STOPPED"),
        ("aws:pipes/pipe:Pipe", PIPE, "roleArn", "role", "it must match"),
        ("aws:pipes/pipe:Pipe", PIPE, f"{STREAM}.batchSize", 20_000, "is 20000; it must be 1 to 10000"),
        ("aws:pipes/pipe:Pipe", PIPE, f"{STREAM}.startingPosition", "START", "one of TRIM_HORIZON"),
        ("aws:pipes/pipe:Pipe", PIPE, "name", "x" * 65, "has 65 characters"),
        ("aws:lambda/function:Function", FUNCTION, "memorySize", 64, "is 64; it must be 128"),
        ("aws:lambda/function:Function", FUNCTION, "timeout", "soon", "must be a number"),
        ("aws:lambda/function:Function", FUNCTION, "architectures", ["sparc"], r"architectures\[0\] is 'sparc'"),
        ("aws:lambda/function:Function", FUNCTION, "tracingConfig", {"mode": "On"}, "tracingConfig.mode is 'On'"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_with_property_and_value(
    typ: str, inputs: dict[str, Any], path: str, value: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        _check(typ, _with(inputs, path, value))
    assert path.rpartition(".")[2] in str(caught.value)


def test_a_missing_property_is_named_as_the_program_calls_it() -> None:
    with pytest.raises(InputError, match="topic is required"):
        _check("aws:sns/topicSubscription:TopicSubscription", {"protocol": "sqs", "endpoint": "arn"})


def test_a_type_without_operation_is_not_checked() -> None:
    _check("aws:ec2/eip:Eip", {"domain": 7})
