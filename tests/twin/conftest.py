"""What the tests of the twin share: an emulator, and one twin with the program of `__main__.py`, up once a session."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
import redis

from tests.contract.http import checked
from tests.twin.waiting import until
from twin.client import OrdersClient
from twin.emulator import Emulator
from twin.folder import TwinFolder
from twin.process import Process
from twin.system import Twin


@dataclass
class System:
    """The running twin, its outputs, and a client of its API."""

    twin: Twin
    outputs: Mapping[str, Any]
    client: OrdersClient

    def process(self, prefix: str) -> Process:
        """The one process whose name begins so."""
        (found,) = [process for name, process in self.twin.supervisor.processes.items() if name.startswith(prefix)]
        return found

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the write model, as the master user does."""
        secret = json.loads(
            self.twin.emulator.client("secretsmanager").get_secret_value(SecretId=self.outputs["master_secret_arn"])[
                "SecretString"
            ]
        )
        connection = psycopg2.connect(
            host=self.outputs["database_host"],
            port=int(self.outputs["database_port"]),
            dbname=self.outputs["database_name"],
            user=secret["username"],
            password=secret["password"],
        )
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def new_client(self, client_id: int | None = None) -> int:
        """Add a client that nobody else uses and give its id."""
        name = f"client {secrets.token_hex(4)}"
        if client_id is None:
            return int(
                self.rows("insert into client (name, email) values (%s, 'a@b.example') returning id", name)[0][0]
            )
        self.rows("insert into client (id, name, email) values (%s, %s, 'a@b.example')", client_id, name)
        return client_id

    def place(self, client_id: int, key: str | None = None) -> int:
        """Place an order of one TV (1000.00) and give the client's version after it."""
        response = self.client.order(client_id, [(3, 1)], key)
        assert response.status_code == 201, response.text
        return int(response.json()["client_version"])

    def forget(self, client_id: int) -> None:
        """Remove a client from the read model."""
        host, port = self.outputs["cache_host"], int(self.outputs["cache_port"])
        with redis.Redis(host=host, port=port) as cache:
            assert cache.delete(f"client:{{{client_id}}}", f"client:{{{client_id}}}:orders") > 0

    def converged(self, client_id: int) -> None:
        """Wait until the read model shows the write model's state of a client, and check all of it."""
        ((version, count, total),) = self.rows(
            "select version, order_count, total from client where id = %s", client_id
        )
        state = self.client.wait_for_version(client_id, version, timeout_s=60)
        assert (state["version"], state["order_count"], state["total"]) == (version, count, float(total))
        placed = self.rows("select id from orders where client_id = %s order by id desc limit 50", client_id)
        # Events of one client may arrive in any order: the newest is there, an older one may still be on its way.
        until(lambda: self.listed(client_id) == [row[0] for row in placed], what=f"orders of client {client_id}")

    def listed(self, client_id: int) -> list[int]:
        """Ids of a client's last orders in the read model, newest first."""
        return [order["id_order"] for order in self.client.orders(client_id).json()["orders"]]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator for the tests that do not stop it, without the program of `__main__.py`."""
    running = Emulator(tmp_path_factory.mktemp("emulator"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The running system."""
    # Fewer retries and a shorter visibility timeout, so that what fails is given up, or comes back, while a test waits.
    config = {"pipeRetries": 3, "consumerTimeout": 3, "consumerReceives": 3}
    twin = Twin(TwinFolder(tmp_path_factory.mktemp("system") / "twin"), config=config)
    try:
        outputs = twin.up()
        with OrdersClient(outputs) as client:
            system = System(twin, outputs, client)
            # Tests that choose an id themselves take a smaller one.
            for table in ("client", "product"):
                system.rows(f"alter table {table} alter column id restart with 1000")
            with checked(outputs["api_url"]):
                yield system
    finally:
        twin.down()


@pytest.fixture
def queues(system: System) -> Any:
    """An SQS client of the system, its DLQ empty before and after."""
    sqs = system.twin.emulator.client("sqs")
    dead = system.outputs["project_clients_dead_letter_url"]
    sqs.purge_queue(QueueUrl=dead)
    yield sqs
    sqs.purge_queue(QueueUrl=dead)


def depth(sqs: Any, url: str) -> int:
    """Messages in a queue, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())
