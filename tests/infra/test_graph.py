"""The program as a whole: its graph, its outputs, preview and up, and the switches of the local stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import pytest

from functions import registry
from infra import migrations, problems
from infra.errors import ConfigError
from tests.infra import graph as harness
from tests.infra.golden import FOLDER, STACKS, render
from tests.infra.graph import Graph, program, run

OUTPUTS = {
    *("api_url", "orders_url", "clients_url", "api_user", "api_password", "stream_arn", "pipe_arn", "topic_arn"),
    *(
        "project_clients_queue_url",
        "project_clients_dead_letter_url",
        "undelivered_url",
        "capture_task_arn",
        "database_cluster",
        "database_host",
    ),
    *("database_name", "cache_host", "master_secret_arn", "capture_secret_arn", "dashboard"),
}


@pytest.mark.parametrize("stack", STACKS)
def test_graph_is_the_reviewed_one(stack: str) -> None:
    assert render(program(stack)) == (FOLDER / f"{stack}.txt").read_text(), (
        "The resources have changed: run `python -m tests.infra.golden` and review the difference."
    )


@pytest.mark.parametrize("stack", STACKS)
def test_preview_shows_what_up_makes(stack: str) -> None:
    def tree(graph: Graph) -> set[tuple[str, str, str]]:
        return {(found.type, found.name, found.parent) for found in graph.resources}

    assert tree(program(stack, preview=True)) == tree(program(stack))


def resolved(value: Any) -> Any:
    """The value of an output after the run."""
    return pulumi.runtime.sync_await._sync_await(pulumi.Output.from_input(value).future())


def test_outputs() -> None:
    exports = program("dev").exports
    assert set(exports) >= OUTPUTS
    values = {name: resolved(value) for name, value in exports.items()}
    assert all(value is not None for value in values.values()), values
    assert values["api_url"].endswith("/prod")
    assert values["orders_url"] == values["api_url"] + "/orders"
    assert values["clients_url"] == values["api_url"] + "/clients"
    assert values["api_user"] == "orders"
    assert values["api_password"] == "password-of-credentials-password"
    functions = {name.removesuffix("_function") for name in values if name.endswith("_function")}
    # This stack sends no mails.
    assert functions == {path.parent.name for path in harness.ROOT.glob("functions/*/handler.py")} - {"notify_client"}
    assert not any(isinstance(value, dict | list) for value in values.values()), "outputs are a flat map"


def test_random_values_are_secret() -> None:
    assert pulumi.runtime.sync_await._sync_await(program("dev").exports["api_password"].is_secret())
    found = program("dev").of("RandomPassword")
    assert {one.name for one in found} == {"credentials-password", "credentials-key"}
    assert all("result" in one.options["secretOutputs"] for one in found)


def test_no_password_of_the_database_enters_the_state() -> None:
    graph = program("local")
    [cluster] = graph.of("rds/cluster:Cluster")
    assert cluster.inputs["manageMasterUserPassword"] is True
    assert "masterPassword" not in cluster.inputs
    # Filled by the migrate function, in the database's network, and never by Pulumi.
    assert [each.name for each in graph.of("SecretVersion")] == ["credentials-value"]


def test_authorizer_and_usage_plan_share_one_key() -> None:
    graph = program("dev")
    secret = json.loads(graph.one("SecretVersion").inputs["secretString"])
    assert graph.one("ApiKey").inputs["value"] == secret["api_key"]
    # What API Gateway takes as a key.
    assert 20 <= graph.one("RandomPassword", "credentials-key").inputs["length"] <= 128
    assert graph.one("RestApi").inputs["apiKeySource"] == "AUTHORIZER"
    assert all(method.inputs["apiKeyRequired"] for method in graph.of("apigateway/method:Method"))


def deployment(graph: Graph) -> str:
    return str(graph.one("Deployment").inputs["triggers"]["definition"])


def test_api_is_deployed_only_when_it_changes() -> None:
    first = deployment(program("dev"))
    other = {
        "orders:logRetentionDays": "30",
        "orders:functionMemory": "1024",
        "orders:apiRate": "7",
        "orders:alarmEmail": "a@example.com",
    }
    assert deployment(run()) == first
    assert deployment(run(settings=other)) == first


def test_api_is_deployed_when_it_changes() -> None:
    first = deployment(program("dev"))
    for key, value in {"authorizerCacheSeconds": "0", "apiTimeout": "20", "apiKeyRequired": "false"}.items():
        assert deployment(run(settings={f"orders:{key}": value})) != first, key
    answers = problems.gateway_responses("another realm")
    with mock.patch("infra.api.gateway_responses", return_value=answers):
        assert deployment(run()) != first


def test_migrations_run_again_when_a_file_changes(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("select 1")
    first = migrations.digest(folder)
    (folder / "notes.txt").write_text("no migration")
    assert migrations.digest(folder) == first
    (folder / "0001_first.sql").write_text("select 2")
    second = migrations.digest(folder)
    (folder / "0001_first.sql").rename(folder / "0002_first.sql")
    assert len({first, second, migrations.digest(folder)}) == 3

    invocation = program("dev").one("Invocation")
    version = migrations.digest(harness.ROOT / "migrations")
    assert json.loads(invocation.inputs["input"]) == {"migrations": version}
    assert invocation.inputs["triggers"]["migrations"] == version


def test_local_stack_logs_in_by_secret_and_without_tls() -> None:
    graph = program("local")
    variables = graph.one("Function", "place-order-function").inputs["environment"]["variables"]
    assert variables["DATABASE_AUTH"] == "secret"
    assert variables["DATABASE_SSLMODE"] == "disable"
    assert variables["DATABASE_SECRET_ARN"] == graph.one("Secret", "database-app-secret").outputs["arn"]
    assert graph.of("elasticache/user:User", "UserGroup") == []
    variables = graph.one("Function", "get-client-function").inputs["environment"]["variables"]
    assert (variables["CACHE_TLS"], variables["CACHE_AUTH"]) == ("false", "none")
    assert graph.one("dms/endpoint:Endpoint", "capture-source").inputs["sslMode"] == "none"


def test_stacks_on_aws_log_in_by_token() -> None:
    graph = program("dev")
    variables = graph.one("Function", "place-order-function").inputs["environment"]["variables"]
    assert (variables["DATABASE_USER"], variables["DATABASE_AUTH"]) == ("app", "iam")
    assert "DATABASE_SECRET_ARN" not in variables
    assert variables["DATABASE_PORT"] == "5432"
    policy = graph.one("RolePolicy", "place-order-policy").inputs["policy"]
    assert "arn:aws:rds-db:eu-central-1:111122223333:dbuser:cluster-RESOURCE/app" in policy
    for function, user in {"get-client": "reader", "list-orders": "reader", "project-clients": "writer"}.items():
        variables = graph.one("Function", f"{function}-function").inputs["environment"]["variables"]
        assert variables["CACHE_USER"] == graph.one("elasticache/user:User", f"cache-{user}").inputs["userId"]
        assert variables["CACHE_PORT"] == "6379"
        assert variables["CACHE_NAME"] == graph.one("ReplicationGroup").inputs["replicationGroupId"]


def test_account_is_guarded() -> None:
    provider = run(settings={"orders:account": "123456789012"}).one("pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["123456789012"]
    assert provider.inputs["region"] == "eu-central-1"
    assert json.loads(provider.inputs["defaultTags"])["tags"]["owner"] == "orders-team"


def test_zones_come_from_the_configuration_if_it_names_them() -> None:
    zones = '["eu-central-1b", "eu-central-1c"]'
    graph = run(settings={"orders:availabilityZones": zones})
    assert sorted(found.inputs["availabilityZone"] for found in graph.of("ec2/subnet:Subnet")) == json.loads(zones)
    assert "aws:index/getAvailabilityZones:getAvailabilityZones" not in {token for token, _ in graph.invokes}


def test_wrong_configuration_makes_nothing() -> None:
    graph = Graph()
    with pytest.raises(ConfigError), mock.patch.object(harness, "Graph", return_value=graph):
        run(settings={"orders:zones": "1"})
    assert graph.resources == []


def test_two_stacks_share_no_name() -> None:
    def names(stack: str) -> set[tuple[str, str]]:
        settings = {"orders:region": "eu-central-1", "orders:apiName": f"api-{stack}"}
        # The roles that an account has once are there already.
        there = ["dms-vpc-role", "dms-cloudwatch-logs-role"]
        answers: dict[str, dict[str, Any]] = {
            "aws:iam/getRoles:getRoles": {"names": there, "arns": []},
            "aws:iam/getRole:getRole": {"name": "", "tags": {}},
        }
        graph = run(stack=stack, settings=settings, answers=answers)
        return {
            (found.type, str(found.inputs["name"]))
            for found in graph.resources
            if "name" in found.inputs and found.type != "aws:iam/rolePolicy:RolePolicy"
        }

    # The authorizer belongs to its API.
    assert {name for _, name in names("dev") & names("local")} == {"basic"}


@pytest.mark.parametrize(("stack", "zones"), [("dev", 2), ("prod", 3)])
def test_each_subnet_has_a_zone_of_its_own(stack: str, zones: int) -> None:
    subnets = program(stack).of("ec2/subnet:Subnet")
    assert len({found.inputs["availabilityZone"] for found in subnets}) == len(subnets) == zones
    assert len({found.inputs["cidrBlock"] for found in subnets}) == zones


def test_every_call_is_a_route_to_its_own_function() -> None:
    graph = program("dev")
    calls = {}
    resources = {found.id: found for found in graph.of("apigateway/resource:Resource")}

    def path(resource_id: str) -> str:
        found = resources.get(resource_id)
        return "" if found is None else f"{path(found.inputs['parentId'])}/{found.inputs['pathPart']}"

    for integration in graph.of("apigateway/integration:Integration"):
        call = f"{integration.inputs['httpMethod']} {path(integration.inputs['resourceId'])}"
        calls[call] = integration.inputs["uri"].split("/")[-2].rpartition(":")[2]
    assert calls == {
        f"{method} {path}": f"orders-dev-{folder.replace('_', '-')}"
        for (method, path), (_, folder) in registry.ROUTES.items()
    }
