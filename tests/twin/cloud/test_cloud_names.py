"""Automatic names: as the provider's, and the same in every run."""

from __future__ import annotations

import re

import pytest

from twin.cloud.errors import InputError
from twin.cloud.kind import Kind, Made, Request
from twin.cloud.names import auto_name, lower_name, with_name


def _kind(limit: int = 80) -> Kind:
    return Kind(typ="a:b:C", create=lambda at, request: Made("", {}), named_by="name", name_limit=limit)


def _request(seed: str = "orders/local:queue", **inputs: object) -> Request:
    return Request("a:b:C", "events", inputs, seed)


def test_name_is_the_programs_name_with_seven_digits() -> None:
    assert re.fullmatch(r"events-[0-9a-f]{7}", auto_name(_request(), 80))


def test_name_is_the_same_in_every_run_and_differs_between_stacks() -> None:
    assert auto_name(_request(), 80) == auto_name(_request(), 80)
    assert auto_name(_request(), 80) != auto_name(_request("orders/dev:queue"), 80)


def test_a_fifo_queue_ends_with_fifo() -> None:
    assert auto_name(_request(fifoQueue=True), 80).endswith(".fifo")


def test_a_name_of_the_programs_own_stays() -> None:
    request = _request(name="mine")
    assert with_name(_kind(), request) is request


def test_a_prefix_leads_the_name() -> None:
    name = with_name(_kind(), _request(namePrefix="orders/")).inputs["name"]
    assert re.fullmatch(r"orders/[0-9a-f]{26}", name)


def test_a_name_too_long_for_aws_is_refused() -> None:
    with pytest.raises(InputError, match="has 14 characters, AWS allows 10"):
        with_name(_kind(limit=10), _request())


def test_lower_name_has_letters_digits_and_single_hyphens_only() -> None:
    assert lower_name("My__Cluster 1") == "my-cluster-1"
