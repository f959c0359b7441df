"""Drills: the system is changed while orders come in."""

from __future__ import annotations

import time
from contextlib import ExitStack

from drills.code import deploy, replaced
from drills.errors import DrillError
from drills.operator import redriven
from drills.registry import drill
from drills.scene import Scene
from infra.packaging.source import ROOT
from ops.functions import invoke

DEPLOYED = ("authorize", "place_order", "project_clients", "get_client", "notify_client")
ORDERS_BETWEEN = 8
LONG_S = 30.0
DEEP_RATE = 4.0
# Columns that nobody reads yet, an index, and a table of their own: what a next version brings first.
MIGRATION = """
alter table orders add column drill_note varchar(20);
create index orders_by_drill_note on orders (drill_note) where drill_note is not null;
alter table client add column drill_tier smallint not null default 0;
create table drill_only (id bigint primary key);
"""
BUG = """
def handle(event, context):
    raise RuntimeError("a bug that came with the last deployment")
"""


@drill("deployment", "new function code under load loses no order and no event")
def deployment(scene: Scene) -> None:
    """Each function gets new code, twice, while it is being called.

    The emulator ends a function's processes with its old code, also one that has sent a mail and not yet said so; on
    AWS a call that is under way ends on the code that it began with.
    """
    scene.mail_repeats = True
    with scene.load() as load:
        for number in range(2):
            scene.orders(load, ORDERS_BETWEEN)
            with scene.fault("deployment of all functions"):
                for folder in DEPLOYED:
                    deploy(scene, folder, {"version.txt": f"{number} {scene.rng.random()}"})
        scene.orders(load, ORDERS_BETWEEN)


@drill("migration", "a migration under load loses no order and no event")
def migration(scene: Scene) -> None:
    """Columns, an index and a table come with the next version of the migrations."""
    with scene.load() as load:
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault("migration"):
            number = 1 + max(int(path.name[:4]) for path in (ROOT / "migrations").glob("*.sql"))
            deploy(scene, "migrate", {f"migrations/{number:04d}_drill.sql": MIGRATION})
            invoke(scene.operator(), "migrate", {"migrations": "drill"})
        scene.orders(load, ORDERS_BETWEEN)
    scene.stores.rows("select drill_note, drill_tier from orders, client, drill_only limit 1")


@drill("resharding", "a stream that is split and merged under load loses no event")
def resharding(scene: Scene) -> None:
    """Twice as many shards, and back, by UpdateShardCount."""
    kinesis, stream = scene.twin.emulator.client("kinesis"), scene.outputs["stream_arn"]
    summary = kinesis.describe_stream_summary(StreamARN=stream)["StreamDescriptionSummary"]
    shards = summary["OpenShardCount"]
    with scene.load() as load:
        for count in (2 * shards, shards, 1 + shards, shards):
            scene.orders(load, ORDERS_BETWEEN)
            with scene.fault(f"{count} shards"):
                kinesis.update_shard_count(StreamARN=stream, TargetShardCount=count, ScalingType="UNIFORM_SCALING")


@drill("pipe-stopped", "a pipe that stands still for long catches up, and orders are taken meanwhile")
def pipe_stopped(scene: Scene) -> None:
    """The pipe is stopped by its API while orders come in at twice the rate of other drills."""
    pipes, name = scene.twin.emulator.client("pipes"), scene.outputs["pipe_name"]
    with scene.load(DEEP_RATE) as load:
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault(f"pipe stopped for {LONG_S:.0f} s"):
            pipes.stop_pipe(Name=name)
            until = time.monotonic() + LONG_S
            scene.until(lambda: time.monotonic() > until, "the time without a pipe")
            pipes.start_pipe(Name=name)


@drill("projector-bug", "what a bug in a consumer made dead letters of is redriven once it is mended")
def projector_bug(scene: Scene) -> None:
    """The projector fails on everything until messages are dead letters; then it is mended and they are redriven."""
    url = scene.outputs["project_clients_queue_url"]
    dead = scene.stores.dead_letter_queues["project_clients"]
    with ExitStack() as stack:
        stack.enter_context(scene.hidden("project_clients", 1))
        load = stack.enter_context(scene.load())
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault("a projector with a bug, mended"), replaced(scene, "project_clients", BUG):
            scene.until(lambda: scene.stores.depth(dead) >= ORDERS_BETWEEN, "dead letters of the bug")
    # What failed on the old code may still be on its way to the dead letters.
    scene.until(lambda: not scene.stores.depth(url), "the queue is empty")
    letters = scene.stores.depth(dead)
    if not redriven(scene.twin.folder.outputs_file, "project_clients"):
        raise DrillError("a letter failed again though the bug is mended")
    scene.result.notes.append(f"{letters} dead letters redriven")
