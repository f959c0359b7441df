"""Accounts, regions and names that are not as one would like: each works, or fails at once with a helpful sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import certifi
import pytest

from infra import regions
from infra.certificates import bundle_problem
from infra.config import load
from infra.config_rules import max_connections
from infra.errors import AccountError, ConfigError, InfraError
from infra.names import Names
from tests.infra import graph as harness
from tests.infra.answers import Answers
from tests.infra.graph import Graph, program, run

GET_ROLES, GET_ROLE = "aws:iam/getRoles:getRoles", "aws:iam/getRole:getRole"
QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"
ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"


def with_roles(*names: str, owner: str | None = None) -> dict[str, dict[str, Any]]:
    """An account that has these roles, all tagged as `owner`'s."""
    tags = {} if owner is None else {"orders:made-by": owner}
    return {GET_ROLES: {"names": list(names), "arns": []}, GET_ROLE: {"name": "", "tags": tags}}


def refuses(error: type[InfraError], match: str, **how: Any) -> None:
    """Check that a run ends with this sentence before anything of AWS is made."""
    graph = Graph()
    with mock.patch.object(harness, "Graph", return_value=graph), pytest.raises(error, match=match):
        run(**how)
    assert {one.type for one in graph.resources} <= {"pulumi:providers:aws"}


def made_roles(graph: Graph) -> set[str]:
    return {str(one.inputs["name"]) for one in graph.of("iam/role:Role")}


DMS = ("dms-vpc-role", "dms-cloudwatch-logs-role")
LOGS = "orders-dev-api-logs-eu-central-1"
OTHER_LOGS = "orders-other-api-logs-eu-central-1"


# An account with the DMS roles in place


def test_empty_account_gets_the_roles() -> None:
    assert {*DMS, LOGS} <= made_roles(program("dev"))


@pytest.mark.parametrize("there", [DMS, DMS[:1], DMS[1:]])
def test_roles_of_others_are_used_and_the_rest_made(there: tuple[str, ...]) -> None:
    graph = run(answers=with_roles(*there))
    assert made_roles(graph) & set(DMS) == set(DMS) - set(there)


def test_own_roles_are_kept() -> None:
    graph = run(answers=with_roles(*DMS, LOGS, owner="orders-dev"))
    assert {*DMS, LOGS} <= made_roles(graph)
    assert graph.one("iam/role:Role", "account-dms-vpc-role").inputs["tags"] == {"orders:made-by": "orders-dev"}


def test_roles_that_are_told_to_be_made_but_are_there() -> None:
    refuses(
        AccountError,
        "has dms-vpc-role already, and not from this stack.*`pulumi config set orders:captureRoles find`",
        settings={"orders:captureRoles": "create"},
        answers=with_roles(DMS[0]),
    )


def test_roles_that_are_told_to_be_there_but_are_missing() -> None:
    refuses(
        AccountError,
        "has no dms-cloudwatch-logs-role, which DMS needs.*`pulumi config set orders:captureRoles find`",
        settings={"orders:captureRoles": "existing"},
        answers=with_roles(DMS[0]),
    )
    graph = run(settings={"orders:captureRoles": "existing"}, answers=with_roles(*DMS))
    assert not made_roles(graph) & set(DMS)


# Two stacks in one account and region


def test_second_stack_shares_the_role_of_the_first() -> None:
    graph = run(answers=with_roles(OTHER_LOGS))
    assert LOGS not in made_roles(graph)
    assert graph.of("apigateway/account:Account") == []


def test_first_stack_keeps_its_role_when_there_is_another() -> None:
    graph = run(answers=with_roles(OTHER_LOGS, LOGS))
    assert LOGS in made_roles(graph)


def test_role_of_another_region_is_another_role() -> None:
    assert LOGS in made_roles(run(answers=with_roles("orders-other-api-logs-us-east-1")))


def test_second_stack_that_is_told_to_make_the_role() -> None:
    refuses(
        AccountError,
        f"Another stack has made {OTHER_LOGS}.*`pulumi config set orders:apiLogRole find`",
        settings={"orders:apiLogRole": "create"},
        answers=with_roles(OTHER_LOGS),
    )


def test_all_that_is_wrong_with_an_account_is_told_at_once() -> None:
    refuses(
        AccountError,
        r"(?s)captureRoles find.*apiLogRole find.*placeOrderConcurrency 0",
        settings={
            "orders:apiLogRole": "create",
            "orders:captureRoles": "create",
            "orders:placeOrderConcurrency": "50",
        },
        answers={**with_roles(*DMS, OTHER_LOGS), QUOTA: {"value": 10}},
    )


# An account that allows less than the stack wants


@pytest.mark.parametrize(("quota", "fits"), [(199, False), (200, True)])
def test_reserved_concurrency_leaves_100_for_the_rest(quota: int, fits: bool) -> None:
    settings, answers = {"orders:placeOrderConcurrency": "100"}, {QUOTA: {"value": quota}}
    if fits:
        function = run(settings=settings, answers=answers).one("lambda/function:Function", "place-order-function")
        assert function.inputs["reservedConcurrentExecutions"] == 100
        return
    refuses(
        AccountError,
        "100 of the 199 .*Service Quotas.*placeOrderConcurrency 0",
        settings=settings,
        answers=answers,
    )


def test_quota_is_looked_at_only_where_something_is_reserved() -> None:
    assert QUOTA not in {token for token, _ in program("dev").invokes}
    assert QUOTA in {token for token, _ in program("prod").invokes}


def test_region_with_too_few_zones() -> None:
    refuses(
        AccountError,
        r"orders:zones is 3, but the account can use 2 zones in eu-central-1 \(a, b\): .*orders:zones 2`",
        stack="prod",
        answers={ZONES: {"names": ["a", "b"]}},
    )


@pytest.mark.parametrize(
    ("least", "most", "connections"),
    [(0.5, 1, 189), (0.5, 4, 823), (0.5, 16, 2000), (1, 16, 3360), (1, 32, 5000), (1, 256, 5000)],
)
def test_connections_that_aurora_takes(least: float, most: float, connections: int) -> None:
    assert max_connections(least, most) == connections


# A region without one of the services


def test_tables_of_regions_are_those_of_botocore() -> None:
    session = boto3.session.Session()
    having = {service: set(session.get_available_regions(service)) for service in regions.SERVICES}
    everywhere = set.union(*having.values())
    assert set.intersection(*having.values()) == regions.COMPLETE, "bring infra/regions.py up to date"
    lacking = {service: frozenset(everywhere - found) for service, found in having.items() if everywhere - found}
    assert lacking == regions.LACKING


def region_problems(region: str, **more: str) -> str:
    try:
        load({"region": region, **more}, Names("orders", "dev", region))
    except ConfigError as error:
        return " ".join(error.problems)
    return ""


@pytest.mark.parametrize(
    ("region", "part"),
    [
        ("ca-west-1", "has no EventBridge Pipes"),
        ("eu-central-9", "is no region that this version of the program knows"),
        ("cn-north-1", "belongs to AWS China"),
        ("us-gov-west-1", "belongs to AWS GovCloud"),
    ],
)
def test_region_that_lacks_something(region: str, part: str) -> None:
    assert part in region_problems(region)


def test_region_that_has_caught_up() -> None:
    assert "pulumi config set orders:regionIsNew true" in region_problems("ca-west-1")
    assert region_problems("ca-west-1", regionIsNew="true") == ""
    # Its principals and endpoints would still have other names.
    assert "AWS China" in region_problems("cn-north-1", regionIsNew="true")
    assert region_problems("eu-central-1") == ""


def test_region_makes_nothing() -> None:
    refuses(ConfigError, "has no EventBridge Pipes", settings={"orders:region": "il-central-1"})


# A stack name too long for a resource name


def test_too_long_a_name_says_how_long_a_prefix_may_be() -> None:
    stack = "feature-login-with-single-sign-on"
    refuses(
        ConfigError,
        r"AWS allows 31\. Take a prefix of at most 24 .*o:namePrefix <prefix>",
        stack="dev",
        project="o" * 40,
    )
    names = Names("orders", stack, "eu-central-1", "o" * 24)
    assert names.problems() == []
    [problem] = Names("orders", stack, "eu-central-1", "o" * 25).problems()
    assert "prefix of at most 24" in problem


def test_a_prefix_is_checked_like_a_name() -> None:
    [problem] = Names("orders", "dev", "eu-central-1", "Orders_").problems()
    assert problem.startswith("orders:namePrefix makes names that start with 'Orders_'")


def test_a_prefix_starts_all_names() -> None:
    graph = run(settings={"orders:namePrefix": "od"})
    assert graph.one("rds/cluster:Cluster").inputs["clusterIdentifier"] == "od"
    own = [one for one in graph.resources if "orders-dev" in str(one.inputs.get("name", ""))]
    assert own == []


# A rename of project or stack


def names_of(graph: Graph) -> set[tuple[str, str]]:
    return {(one.name, str(one.inputs["name"])) for one in graph.resources if "name" in one.inputs}


def test_a_renamed_project_keeps_its_names_by_the_prefix() -> None:
    before = program("dev")
    after = run(project="shop", settings={"orders:namePrefix": "orders-dev"})
    assert names_of(after) == names_of(before)
    tags = {one.inputs["name"]: one.inputs.get("tags") for one in after.of("iam/role:Role")}
    assert tags["dms-vpc-role"] == {"orders:made-by": "orders-dev"}


@contextmanager
def first_called(prefix: str) -> Iterator[None]:
    """A stack whose state says that its names started with `prefix` at the first deployment."""
    usual = Answers.new_resource

    def answer(self: Answers, args: Any) -> Any:
        id_, outputs = usual(self, args)
        return id_, {**outputs, "prefix": prefix} if args.name == "identity-prefix" else outputs

    with mock.patch.object(Answers, "new_resource", answer):
        yield


def test_a_rename_without_the_prefix_is_refused() -> None:
    expected = "names that start with 'orders-dev'.*`pulumi config set orders:namePrefix orders-dev`"
    with first_called("orders-dev"):
        with pytest.raises(ConfigError, match=expected):
            run(stack="local")
        run(stack="local", settings={"orders:namePrefix": "orders-dev"})


def test_the_state_keeps_the_first_prefix() -> None:
    kept = program("dev").one("RandomId", "identity-prefix")
    assert kept.inputs["prefix"] == "orders-dev"


# Certificates of the database


def test_bundle_of_certificates(tmp_path: Path) -> None:
    def problem(name: str) -> str:
        return bundle_problem(tmp_path, name, "eu-central-1", "orders:databaseSslRootCert") or ""

    assert (
        "curl --create-dirs -o certificates/rds.pem https://truststore.pki.rds.amazonaws.com/eu-central-1/"
        in problem("certificates/rds.pem")
    )
    assert "not in this repository" in problem("../rds.pem")
    assert "not in this repository" in problem("/etc/ssl/cert.pem")
    (tmp_path / "notes.pem").write_text("no certificate")
    assert "no certificates in PEM form" in problem("notes.pem")
    (tmp_path / "good.pem").write_text(Path(certifi.where()).read_text())
    assert problem("good.pem") == ""


def test_bundle_goes_to_the_functions_that_use_the_database(tmp_path: Path) -> None:
    bundle = Path(certifi.where())
    local = harness.ROOT / ".build" / "test-bundle.pem"
    local.parent.mkdir(exist_ok=True)
    local.write_bytes(bundle.read_bytes())
    try:
        graph = run(
            settings={"orders:databaseSslMode": "verify-full", "orders:databaseSslRootCert": ".build/test-bundle.pem"}
        )
    finally:
        local.unlink()
    for function in graph.of("lambda/function:Function"):
        variables = function.inputs["environment"]["variables"]
        expected = ".build/test-bundle.pem" if "DATABASE_HOST" in variables else None
        assert variables.get("DATABASE_SSLROOTCERT") == expected, function.name


def test_missing_bundle_makes_nothing() -> None:
    settings = {"orders:databaseSslMode": "verify-full", "orders:databaseSslRootCert": "certificates/none.pem"}
    refuses(ConfigError, "which is no file. Get it: `curl", settings=settings)
