"""What is made real, what is recorded, and what is refused."""

from __future__ import annotations

import pytest

from twin.cloud.errors import UnsupportedTypeError
from twin.cloud.registry import coverage, kind_of, kinds
from twin.cloud.shape import without_operation

REAL = [
    "aws:kinesis/stream:Stream",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
    "aws:lambda/function:Function",
    "aws:rds/cluster:Cluster",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:dms/replicationTask:ReplicationTask",
    "aws:pipes/pipe:Pipe",
]


@pytest.mark.parametrize("typ", REAL)
def test_types_that_carry_data_are_real(typ: str) -> None:
    assert kind_of(typ).coverage == "real"


@pytest.mark.parametrize(
    "typ", ["aws:ec2/subnet:Subnet", "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:wafv2/webAcl:WebAcl"]
)
def test_types_without_data_are_recorded(typ: str) -> None:
    assert kind_of(typ).coverage == "recorded"


@pytest.mark.parametrize(
    "typ",
    [
        "aws:efs/fileSystem:FileSystem",
        "aws:s3/bucket:Bucket",
        "aws:cloudwatch/eventRule:EventRule",
        "aws:rds/instance:Instance",
    ],
)
def test_an_unknown_type_with_data_is_refused_with_where_to_add_it(typ: str) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        kind_of(typ)
    assert typ in str(caught.value)
    assert "twin/cloud/registry.py" in str(caught.value)


def test_another_provider_is_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="'kubernetes'"):
        kind_of("kubernetes:core/v1:Pod")


def test_coverage_lists_every_known_type_once() -> None:
    listed = [typ for typ, _ in coverage()]
    assert len(listed) == len(set(listed))
    assert set(kinds()) < set(listed)


def test_types_without_check_are_listed() -> None:
    assert without_operation(["aws:sqs/queue:Queue", "aws:ec2/eip:Eip"]) == ["aws:ec2/eip:Eip"]
