"""DMS, Pipes, Scheduler and event source mappings of the running system, through the API that operators use."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

from tests.twin.conftest import System
from tests.twin.waiting import until
from twin.aws_clients import client_maker
from twin.cloud.databases import CLUSTER, server


def task(dms: Any, arn: str) -> dict[str, Any]:
    """What DMS says about a task."""
    filters = [{"Name": "replication-task-arn", "Values": [arn]}]
    (found,) = dms.describe_replication_tasks(Filters=filters)["ReplicationTasks"]
    return dict(found)


@pytest.fixture
def dms(system: System) -> Any:
    """A client of DMS."""
    return system.twin.emulator.client("dms")


@pytest.fixture
def arn(system: System) -> str:
    """The task."""
    return str(system.outputs["capture_task_arn"])


def test_a_stopped_task_goes_on_where_it_stopped(system: System, dms: Any, arn: str) -> None:
    client = system.new_client()
    assert task(dms, arn)["Status"] == "running"
    dms.stop_replication_task(ReplicationTaskArn=arn)
    until(lambda: task(dms, arn)["Status"] == "stopped", what="the task to stop")
    for _ in range(3):
        system.place(client)
    dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="resume-processing")
    until(lambda: task(dms, arn)["Status"] == "running", what="the task to run")
    system.converged(client)


def test_a_lost_slot_fails_the_task_and_a_reload_mends_it(system: System, dms: Any, arn: str) -> None:
    client = system.new_client()
    dms.stop_replication_task(ReplicationTaskArn=arn)
    until(lambda: task(dms, arn)["Status"] == "stopped", what="the task to stop")
    ((slot,),) = system.rows("select slot_name from pg_replication_slots")
    drop(system, slot)
    system.place(client)
    with pytest.raises(ClientError, match="reload"):
        dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="resume-processing")
    dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="reload-target")
    until(lambda: task(dms, arn)["Status"] == "running", what="the task to run")
    system.converged(client)
    system.place(client)
    system.converged(client)


def test_a_task_that_gives_up_says_why(system: System, dms: Any, arn: str) -> None:
    client = system.new_client()
    ((slot,),) = system.rows("select slot_name from pg_replication_slots")
    until(lambda: dropped(system, slot), what="the slot to go")
    until(lambda: task(dms, arn)["Status"] == "failed", what="the task to fail")
    assert slot in task(dms, arn)["LastFailureMessage"]
    system.place(client)
    dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="reload-target")
    system.converged(client)


def drop(system: System, slot: str) -> None:
    """Drop a slot as the superuser, ending its reader first."""
    at = system.twin.cloud.context
    (cluster,) = at.state.find(CLUSTER, lambda _: True)
    connection = psycopg2.connect(server(at, cluster.id, cluster.inputs, cluster.outputs["port"]).dsn("postgres"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots "
                "where slot_name = %s and active_pid is not null",
                (slot,),
            )
            cursor.execute("select pg_drop_replication_slot(%s)", (slot,))
    finally:
        connection.close()


def dropped(system: System, slot: str) -> bool:
    """Try to drop a slot whose reader comes back; it may be in use again."""
    try:
        drop(system, slot)
    except psycopg2.errors.ObjectInUse:
        return False
    return True


def test_a_running_task_is_not_started_again(dms: Any, arn: str) -> None:
    with pytest.raises(ClientError) as refused:
        dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="reload-target")
    assert refused.value.response["Error"]["Code"] == "InvalidResourceStateFault"


def test_an_unknown_task_is_told(dms: Any) -> None:
    with pytest.raises(ClientError) as refused:
        dms.stop_replication_task(ReplicationTaskArn="arn:aws:dms:eu-central-1:000000000000:task:NONE")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundFault"


def test_a_stopped_pipe_goes_on_where_it_stopped(system: System) -> None:
    pipes, name = system.twin.emulator.client("pipes"), system.outputs["pipe_name"]
    client = system.new_client()
    assert pipes.describe_pipe(Name=name)["CurrentState"] == "RUNNING"
    pipes.stop_pipe(Name=name)
    until(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "STOPPED", what="the pipe to stop")
    system.place(client)
    pipes.start_pipe(Name=name)
    until(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "RUNNING", what="the pipe to run")
    system.converged(client)


def test_an_unknown_pipe_is_told(system: System) -> None:
    with pytest.raises(ClientError) as refused:
        system.twin.emulator.client("pipes").describe_pipe(Name="none")
    assert refused.value.response["Error"]["Code"] == "NotFoundException"


def test_a_function_role_has_no_business_there(system: System, arn: str) -> None:
    role = system.twin.emulator.client("lambda").get_function_configuration(
        FunctionName=system.outputs["place_order_function"]
    )["Role"]
    stranger = client_maker(system.twin.emulator.role_aws(role, "lambda.amazonaws.com"))("dms")
    with pytest.raises(ClientError) as refused:
        stranger.stop_replication_task(ReplicationTaskArn=arn)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_mapping_is_listed_by_its_queue_and_only_its_switch_is_turned(system: System) -> None:
    functions = system.twin.emulator.client("lambda")
    queue = system.outputs["project_clients_queue_url"].rpartition("/")[2]
    arn = f"arn:aws:sqs:{system.outputs['region']}:{system.outputs['account']}:{queue}"
    (found,) = functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    assert found["FunctionArn"].endswith(f":{system.outputs['project_clients_function']}")
    assert found["State"] == "Enabled"
    shown = functions.get_event_source_mapping(UUID=found["UUID"])
    assert {name: shown[name] for name in found} == found
    assert functions.list_event_source_mappings(FunctionName="none")["EventSourceMappings"] == []
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="Enabled only"):
        functions.update_event_source_mapping(UUID=found["UUID"], BatchSize=1)
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_event_source_mapping(UUID="0" * 36)


def test_a_schedule_is_shown(system: System) -> None:
    scheduler, name = system.twin.emulator.client("scheduler"), system.outputs["heartbeat_schedule"]
    found = scheduler.get_schedule(Name=name, GroupName="default")
    assert (found["Name"], found["State"], found["ScheduleExpression"]) == (name, "ENABLED", "rate(1 minute)")
    assert found["Target"]["Arn"].endswith(f":{system.outputs['heartbeat_function']}")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="none")


def test_a_function_role_turns_no_switch(system: System) -> None:
    role = system.twin.emulator.client("lambda").get_function_configuration(
        FunctionName=system.outputs["place_order_function"]
    )["Role"]
    stranger = client_maker(system.twin.emulator.role_aws(role, "lambda.amazonaws.com"))("lambda")
    with pytest.raises(ClientError) as refused:
        stranger.update_event_source_mapping(UUID="0" * 36, Enabled=False)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
