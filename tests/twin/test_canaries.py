"""What is secret or personal is in the stores and nowhere else: not in a log, a metric, a zip or a state.

A client with a name, an address and a key that can be found again goes through the whole flow, on good ways and bad
ones; then everything that the twin wrote is searched, but for the stores themselves.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.twin.conftest import System, depth
from tests.twin.waiting import until

NAME, MAIL, KEY, PASSWORD = "Zwetschgenkanari", "zwetschge.kanari@b.example", "zwetschgen-key-7", "zwetschgen-passwort"
CANARIES = (NAME, MAIL, KEY, PASSWORD, base64.b64encode(f"kanari:{PASSWORD}".encode()).decode().rstrip("="), "wetschge")
# What holds data because that is what it is for, and the code of the functions, unpacked.
STORES = ("/base/", "/pg_", "/appendonlydir/", "dump.rdb", "emulator/journal", "emulator/state/", "/code/", "code.zip")


def _send_canaries(system: System, queues: Any) -> None:
    """Orders and changes of a client, refusals, wrong passwords, and messages that no consumer can read."""
    api: str = system.outputs["api_url"]
    login = (system.outputs["api_user"], system.outputs["api_password"])
    body = {"name": NAME, "email": MAIL}
    with httpx.Client(auth=login, timeout=30) as http:
        made = http.post(f"{api}/clients", json=body, headers={"Idempotency-Key": KEY})
        assert made.status_code == 201, made.text
        client_id = made.json()["id_client"]
        assert (
            http.post(f"{api}/clients", json={**body, "x": NAME}, headers={"Idempotency-Key": KEY}).status_code == 422
        )
        assert http.patch(f"{api}/clients/{client_id}", json={"name": f"{NAME} II"}).status_code == 200
        assert http.patch(f"{api}/clients/{client_id}", json={"name": NAME * 20}).status_code == 422
        assert http.post(f"{api}/clients", content=f'{{"name": "{NAME}'.encode()).status_code == 400
        assert http.get(f"{api}/clients/{NAME}").status_code == 400
    assert httpx.get(f"{api}/clients/{client_id}", auth=("kanari", PASSWORD)).status_code == 401
    system.place(client_id, KEY)
    system.converged(client_id)
    url, dead = system.outputs["project_clients_queue_url"], system.outputs["project_clients_dead_letter_url"]
    usual = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        broken = {"data": {"event_type": NAME, "payload": MAIL}, "metadata": {"operation": "insert"}}
        queues.send_message(QueueUrl=url, MessageBody=json.dumps(broken))
        queues.send_message(QueueUrl=url, MessageBody=f'{{"{NAME}": "{MAIL}"')
        until(lambda: depth(queues, dead) == 2, what="poison in the DLQ")
    finally:
        queues.set_queue_attributes(QueueUrl=url, Attributes=usual)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        place = str(path.relative_to(folder))
        if path.is_file() and not path.is_symlink() and not any(store in place for store in STORES):
            yield path


def _logged(system: System) -> str:
    """All that the functions wrote: log lines, and metrics in them."""
    logs = system.twin.emulator.client("logs")
    found = []
    for group in logs.get_paginator("describe_log_groups").paginate().search("logGroups[].logGroupName"):
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            found += [event["message"] for event in page["events"]]
    return "\n".join(found)


@pytest.fixture(scope="module")
def written(system: System) -> dict[str, bytes]:
    """Everything that the twin wrote about the canaries, by where; without the stores."""
    sqs = system.twin.emulator.client("sqs")
    sqs.purge_queue(QueueUrl=system.outputs["project_clients_dead_letter_url"])
    _send_canaries(system, sqs)
    sqs.purge_queue(QueueUrl=system.outputs["project_clients_dead_letter_url"])
    folder = system.twin.folder.path
    found = {str(path.relative_to(folder)): path.read_bytes() for path in _files(folder)}
    found["CloudWatch Logs"] = _logged(system).encode()
    metrics = system.twin.emulator.client("cloudwatch").get_paginator("list_metrics").paginate().build_full_result()
    found["CloudWatch metrics"] = json.dumps(metrics, default=str).encode()
    return found


def test_nothing_personal_is_outside_of_the_stores(written: dict[str, bytes]) -> None:
    assert [(place, text) for place, content in written.items() for text in CANARIES if text.encode() in content] == []
    # It was this that was looked through.
    assert b"client registered" in written["CloudWatch Logs"]
    assert b"message refused" in written["CloudWatch Logs"]
    assert any(place.endswith("emulator.log") for place in written)


def _secrets(system: System) -> set[str]:
    """Values of all secrets, passwords and keys."""
    store = system.twin.emulator.client("secretsmanager")
    found: set[str] = {str(system.outputs["api_password"])}
    for entry in store.get_paginator("list_secrets").paginate().search("SecretList[]"):
        text = store.get_secret_value(SecretId=entry["ARN"])["SecretString"]
        fields = json.loads(text)
        found |= {str(value) for name, value in fields.items() if name in ("password", "api_key")}
    return found


# Who needs a secret to work has it in a specification that only its owner can read; the outputs are for their owner.
HOLDERS = ("spec.json", "outputs.json", "cloud.json")


def test_no_secret_is_in_a_log_a_metric_or_a_zip(system: System, written: dict[str, bytes]) -> None:
    secrets = _secrets(system)
    assert len(secrets) >= 5
    looked_at = {place: content for place, content in written.items() if not place.endswith(HOLDERS)}
    assert [place for place, content in looked_at.items() for text in secrets if text.encode() in content] == []
    for name in ("place-order", "authorize", "migrate"):
        answer = system.twin.emulator.client("lambda").get_function_configuration(FunctionName=f"orders-local-{name}")
        assert not any(text in json.dumps(answer, default=str) for text in secrets)
    for path in Path(".build").rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            assert not any(text.encode() in archive.read(name) for name in archive.namelist() for text in secrets)


def test_what_holds_a_secret_is_its_owners_alone(system: System, written: dict[str, bytes]) -> None:
    secrets, folder = _secrets(system), system.twin.folder.path
    holders = [place for place, content in written.items() if any(text.encode() in content for text in secrets)]
    assert holders
    for place in holders:
        path = folder / place
        # Closed to others itself, or by a folder above it.
        above = [path, *path.relative_to(folder.parent).parents]
        modes = [(folder.parent / each).stat().st_mode & 0o077 for each in above if str(each) != "."]
        assert 0 in modes, place
