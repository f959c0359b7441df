"""Alarms of the functions and the API: caused, looked at as docs/operations.md says, mended."""

from __future__ import annotations

import json
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

from tests.twin.alarms.alarm import alarm, now_ms
from tests.twin.alarms.conftest import Ops
from tests.twin.conftest import System
from tests.twin.waiting import until


def invoke(system: System, folder: str, payload: str = "{}") -> dict[str, Any]:
    """Lambda's answer to an invocation of the function in a folder."""
    answer = system.twin.emulator.client("lambda").invoke(
        FunctionName=system.outputs[f"{folder}_function"], Payload=payload.encode()
    )
    return {"failed": "FunctionError" in answer, "said": json.loads(answer["Payload"].read())}


def test_a_function_that_fails_says_why(system: System, run: Ops) -> None:
    since, database = now_ms(), system.process("postgres")
    database.stop()
    try:
        assert invoke(system, "prune_outbox")["failed"]
        until(lambda: alarm(system, "prune-outbox-errors").rings(since), what="the alarm")
        shown = run("log", "prune_outbox")
        assert shown.exit_code == 1
        assert "DatabaseUnavailable" in shown.output, shown.output
    finally:
        database.start()
    since = now_ms() + 1000
    until(lambda: not invoke(system, "prune_outbox")["failed"], what="the function to work again")
    assert not alarm(system, "prune-outbox-throttles").rings(since)


def test_a_function_without_concurrency_turns_calls_away(system: System) -> None:
    client, since = system.new_client(), now_ms()
    functions, name = system.twin.emulator.client("lambda"), system.outputs["place_order_function"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(ClientError, match="TooManyRequests"):
            functions.invoke(FunctionName=name, Payload=b"{}")
        assert alarm(system, "place-order-throttles").rings(since)
        assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 0
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    system.place(client)
    system.converged(client)


def test_an_api_without_its_database_says_so_in_the_log(system: System, run: Ops) -> None:
    client, database = system.new_client(), system.process("postgres")
    database.stop()
    try:
        assert system.client.order(client, [(3, 1)]).status_code == 503
        shown = run("log", "place_order")
        assert shown.exit_code == 1
        assert "dependency unavailable" in shown.output, shown.output
        # The function did its part: it is the answer that is one too many, not an error of Lambda's.
        assert alarm(system, "api-faults").inputs["metricName"] == "5XXError"
    finally:
        database.start()
    until(lambda: _reachable(system), what="the database is back")
    until(lambda: system.client.order(client, [(3, 1)]).status_code == 201, what="an order is taken")
    system.converged(client)


def _reachable(system: System) -> bool:
    try:
        return system.rows("select 1") == [(1,)]
    except psycopg2.OperationalError:
        return False
