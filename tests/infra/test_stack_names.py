"""Names fit what AWS takes, or are refused with a sentence that helps."""

from __future__ import annotations

import pytest

from infra.names import Names


def test_short_names_are_fine() -> None:
    assert Names("orders", "dev", "ap-southeast-1").problems() == []


def test_longest_stack_name() -> None:
    # The DMS resource identifier, at most 31 characters, is the first to be too long.
    fits, too_long = "s" * (31 - len("orders--outbox")), "s" * (32 - len("orders--outbox"))
    assert Names("orders", fits, "eu-central-1").problems() == []
    [problem] = Names("orders", too_long, "eu-central-1").problems()
    assert "32 characters long; AWS allows 31" in problem
    assert "by 1" in problem


@pytest.mark.parametrize("stack", ["Dev", "dev_1", "a.b", "dev-", "a--b", "ä"])
def test_letters_that_aws_refuses(stack: str) -> None:
    [problem] = Names("orders", stack, "eu-central-1").problems()
    assert "pulumi stack rename" in problem


def test_roles_of_two_regions_differ() -> None:
    one, other = (Names("orders", "dev", region).role("pipe") for region in ("eu-central-1", "us-east-1"))
    assert one != other


def test_folder_names_become_dashed() -> None:
    names = Names("orders", "dev", "eu-central-1")
    assert names.function("place_order") == "orders-dev-place-order"
    assert names.function_log_group("place_order") == "/aws/lambda/orders-dev-place-order"
    assert names.cache_nodes(1, 2) == {"1": "orders-dev-001", "2": "orders-dev-002"}
    assert names.cache_nodes(2, 1) == {"1-1": "orders-dev-shards-0001-001", "2-1": "orders-dev-shards-0002-001"}
