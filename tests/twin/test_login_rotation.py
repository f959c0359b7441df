"""The API's login over HTTP while it is exchanged: old and new are good for every method, and no other is."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.twin.conftest import System


def _statuses(system: System, password: str) -> set[int]:
    """What a caller with this password gets for reading and writing, at several paths."""
    login = httpx.BasicAuth(system.outputs["api_user"], password)
    order = {"id_client": 1, "products": [{"id_product": 1, "quantity": 0}]}
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"{system.outputs['clients_url']}/0", None),
        ("POST", system.outputs["orders_url"], order),
        ("GET", f"{system.outputs['clients_url']}/0/orders", None),
    ]
    return {
        httpx.request(method, url, json=body, auth=login, trust_env=False, timeout=30).status_code
        for method, url, body in calls
    }


def test_both_logins_are_good_during_a_rotation_and_no_other(system: System) -> None:
    secrets = system.twin.emulator.client("secretsmanager")
    arn = system.outputs["api_secret_arn"]
    old = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    # Refused for what they ask, not for who asks.
    allowed = {400, 422}
    assert _statuses(system, old["password"]) == allowed
    assert _statuses(system, "new") == {401}
    try:
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({**old, "password": "new"}))
        for password in ("new", old["password"], "new"):
            assert _statuses(system, password) == allowed
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({**old, "password": "newest"}))
        assert _statuses(system, "newest") == allowed
        assert _statuses(system, "new") == allowed
    finally:
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(old))
    assert _statuses(system, old["password"]) == allowed
