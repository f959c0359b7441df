"""Pruning on a real server: what is old and was read by every slot goes, and never anything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from functions.common.errors import DatabaseError
from functions.prune_outbox.prune import Pace, Pruned, prune
from functions.prune_outbox.store import PostgresOutbox
from tests.functions.migrated import Orders
from tests.twin.waiting import until

KEEP_HOURS = 72
EVENT = (
    "insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)"
    " select gen_random_uuid(), 'client', '1', 'orders.OrderPlaced.v1', n, '{}', now() - make_interval(hours => %s)"
    " from generate_series(%s, %s) as n"
)


class Scene:
    """A migrated database with an outbox, slots, and time that can be made to pass."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.slots: list[str] = []
        self.database = orders.database_as("maintenance")
        self.outbox = PostgresOutbox(self.database, KEEP_HOURS, 24)

    def add_slot(self, name: str = "first") -> str:
        """Make a slot that belongs to this test's database."""
        slot = f"{self.orders.settings.name}_{name}"
        self.orders.rows("select pg_create_logical_replication_slot(%s, 'test_decoding')", (slot,))
        self.slots.append(slot)
        return slot

    def read(self, slot: str) -> list[str]:
        """Read all that a slot has, and confirm it, as a task does."""
        return [
            row[0] for row in self.orders.rows("select data from pg_logical_slot_get_changes(%s, null, null)", (slot,))
        ]

    def drop(self, slot: str) -> None:
        self.orders.rows("select pg_drop_replication_slot(%s)", (slot,))

    def events(self, *versions: int, hours: int = 100, on: Connection | None = None) -> None:
        """Commit events of that age, or write them on a connection that commits when it wants to."""
        with (on or self.orders.master).cursor() as cursor:
            cursor.execute(EVENT, (hours, min(versions), max(versions)))

    def open(self) -> Connection:
        """A connection with a transaction that is under way."""
        connection = psycopg2.connect(self.orders.master.dsn, password=self.orders.secrets.values["master"]["password"])
        with connection.cursor() as cursor:
            cursor.execute("select pg_current_xact_id()")
        return connection

    def pass_time(self, hours: int = KEEP_HOURS + 1) -> None:
        """Make the watermarks older."""
        self.orders.rows("update outbox_watermark set noted_at = noted_at - make_interval(hours => %s)", (hours,))

    def versions(self) -> list[int]:
        return [row[0] for row in self.orders.rows("select version from outbox order by version")]

    def watermarks(self) -> int:
        return int(self.orders.rows("select count(*) from outbox_watermark")[0][0])


@pytest.fixture
def scene(orders: Orders) -> Iterator[Scene]:
    """A scene without slots."""
    made = Scene(orders)
    yield made
    made.database.close()


def test_old_events_that_the_slot_has_passed_go(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1, 2, 3)
    scene.outbox.note_watermark()
    scene.events(4)
    scene.read(slot)
    scene.pass_time()
    assert scene.outbox.prune_events(1000) == 3
    # The fourth came after the watermark: it waits for the next one.
    assert scene.versions() == [4]
    assert scene.watermarks() == 0


def test_young_events_stay_though_the_slot_has_passed_them(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1, hours=100)
    scene.events(2, hours=1)
    scene.outbox.note_watermark()
    scene.read(slot)
    assert scene.outbox.prune_events(1000) == 0
    # A watermark is as old as the youngest commit that it knows: with it, the first is old and the second is not.
    scene.pass_time(KEEP_HOURS + 1)
    assert scene.outbox.prune_events(1000) == 1
    assert scene.versions() == [2]


def test_what_a_lagging_slot_has_not_passed_stays(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1)
    scene.outbox.note_watermark()
    scene.pass_time()
    assert scene.outbox.prune_events(1000) == 0
    assert scene.versions() == [1]
    scene.read(slot)
    assert scene.outbox.prune_events(1000) == 1


def test_every_slot_counts_also_an_inactive_one(scene: Scene) -> None:
    reading, left = scene.add_slot("reading"), scene.add_slot("left")
    scene.events(1)
    scene.outbox.note_watermark()
    scene.read(reading)
    scene.read(left)
    scene.events(2)
    scene.outbox.note_watermark()
    scene.read(reading)
    scene.pass_time()
    assert scene.outbox.prune_events(1000) == 1
    assert scene.versions() == [2]


def test_events_of_a_transaction_that_was_open_wait_until_the_slot_has_read_its_commit(scene: Scene) -> None:
    slot = scene.add_slot()
    other = scene.open()
    scene.events(1, on=other)
    scene.events(2)
    scene.outbox.note_watermark()
    other.commit()
    other.close()
    scene.orders.rows("select pg_replication_slot_advance(%s, lsn) from outbox_watermark", (slot,))
    scene.pass_time()
    # The row is old, its record lies before the watermark, and the slot is beyond it: but its commit comes after.
    # What began later waits with it.
    assert scene.outbox.prune_events(1000) == 0
    assert scene.versions() == [1, 2]
    assert any("version[bigint]:1 " in change for change in scene.read(slot))
    scene.outbox.note_watermark()
    scene.read(slot)
    scene.pass_time()
    assert scene.outbox.prune_events(1000) == 2


def test_events_of_a_transaction_that_takes_its_id_after_the_watermark_wait(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.outbox.note_watermark()
    # Its time was taken before the watermark, and it commits while the slot is at the watermark.
    scene.orders.rows("select pg_replication_slot_advance(%s, lsn) from outbox_watermark", (slot,))
    scene.events(1, hours=100)
    scene.pass_time()
    assert scene.outbox.prune_events(1000) == 0
    assert scene.versions() == [1]


def test_without_a_slot_nothing_goes_and_nothing_is_noted(scene: Scene) -> None:
    scene.events(1)
    assert scene.outbox.note_watermark() == 0
    assert scene.watermarks() == 0
    assert scene.outbox.prune_events(1000) == 0
    assert (scene.outbox.state().slots, scene.outbox.state().rows_overdue) == (0, 1)


def test_a_lost_slot_keeps_everything(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1)
    scene.outbox.note_watermark()
    scene.read(slot)
    scene.drop(slot)
    scene.pass_time()
    assert scene.outbox.prune_events(1000) == 0
    assert scene.versions() == [1]


def test_a_new_slot_says_nothing_about_what_was_there_before_it(scene: Scene) -> None:
    lost = scene.add_slot("lost")
    scene.events(1)
    scene.outbox.note_watermark()
    scene.drop(lost)
    scene.events(2)
    # It begins behind both, which its task still has to load.
    scene.add_slot("new")
    scene.outbox.note_watermark()
    scene.orders.rows(
        "update outbox_watermark set noted_at = noted_at - interval '73 hours' where slots = %s::varchar[]", ([lost],)
    )
    assert scene.outbox.prune_events(1000) == 0
    assert scene.versions() == [1, 2]
    # Once it has been there for as long as rows are kept, the full load is long over.
    scene.pass_time()
    scene.read(scene.slots[-1])
    assert scene.outbox.prune_events(1000) == 2
    assert scene.watermarks() == 0


def test_slots_of_other_databases_and_temporary_ones_do_not_count(scene: Scene) -> None:
    slot = scene.add_slot()
    elsewhere = psycopg2.connect(
        host=scene.orders.settings.host, port=scene.orders.settings.port, dbname="postgres",
        user=scene.orders.secrets.values["master"]["username"],
        password=scene.orders.secrets.values["master"]["password"],
    )  # fmt: skip
    elsewhere.autocommit = True
    name = f"{scene.orders.settings.name}_elsewhere"
    with elsewhere.cursor() as cursor:
        cursor.execute("select pg_create_logical_replication_slot(%s, 'test_decoding')", (name,))
        try:
            scene.orders.rows(
                "select pg_create_logical_replication_slot(%s, 'test_decoding', true)", (f"{name}_temporary",)
            )
            scene.events(1)
            assert scene.outbox.note_watermark() == 1
            scene.read(slot)
            scene.pass_time()
            assert scene.outbox.prune_events(1000) == 1
        finally:
            cursor.execute("select pg_drop_replication_slot(%s)", (name,))
    elsewhere.close()


def test_watermarks_are_worked_off_from_the_oldest_in_batches(scene: Scene) -> None:
    slot = scene.add_slot()
    for first in (1, 11, 21):
        scene.events(first, first + 9, hours=200 - first)
        scene.outbox.note_watermark()
    scene.read(slot)
    scene.pass_time()
    left = []
    while scene.outbox.prune_events(7) == 7:
        left.append((len(scene.versions()), scene.watermarks()))
    assert left == [(23, 3), (16, 2), (9, 1), (2, 1)]
    assert (scene.versions(), scene.watermarks()) == ([], 0)


def test_ids_that_went_round_still_tell(scene: Scene) -> None:
    def began_before(row: int, other: int) -> bool:
        statement = "select began_before(%s::text::xid, %s::text::xid8)"
        return bool(scene.orders.rows(statement, (row % 2**32, other))[0][0])

    assert began_before(99, 100)
    assert not began_before(100, 100)
    assert not began_before(101, 100)
    # The row's id was given before the 32 bits went round, the watermark is from after that.
    assert began_before(2**32 - 5, 2**32 + 10)
    assert not began_before(20, 2**32 + 10)
    # Too far apart to tell: the row stays.
    assert began_before(100, 100 + 2**31 - 1)
    assert not began_before(100, 100 + 2**31)


def test_two_runs_at_once_remove_each_row_once(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1, 400)
    scene.outbox.note_watermark()
    scene.read(slot)
    scene.pass_time()
    outboxes = [PostgresOutbox(scene.orders.database_as("maintenance"), KEEP_HOURS, 24) for _ in range(3)]
    counts: list[int] = []

    def work(outbox: PostgresOutbox) -> None:
        for _ in range(60):
            counts.append(outbox.prune_events(20))

    threads = [threading.Thread(target=work, args=(outbox,)) for outbox in outboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 400
    assert scene.versions() == []


def test_expired_keys_go_and_others_stay(scene: Scene) -> None:
    scene.orders.rows(
        "insert into idempotency_key select n::text, 'h', '{}', now() - make_interval(hours => n)"
        " from generate_series(20, 30) as n"
    )
    assert scene.outbox.prune_keys(4) == 4
    assert scene.outbox.prune_keys(4) == 3
    assert [row[0] for row in scene.orders.rows("select key from idempotency_key order by key")] == [
        "20", "21", "22", "23"
    ]  # fmt: skip


def test_a_key_that_is_being_taken_over_is_neither_waited_for_nor_removed(scene: Scene) -> None:
    scene.orders.rows("insert into idempotency_key values ('k', 'old', '{}', now() - interval '30 hours')")
    other = scene.open()
    with other.cursor() as cursor:
        cursor.execute("update idempotency_key set request_hash = 'new', created_at = clock_timestamp()")
    assert scene.outbox.prune_keys(10) == 0
    other.commit()
    other.close()
    assert scene.outbox.prune_keys(10) == 0
    assert scene.orders.rows("select request_hash from idempotency_key") == [("new",)]


@pytest.mark.parametrize(
    "statement",
    [
        "select prune_outbox(interval '23 hours', 10)",
        "select prune_outbox(null, 10)",
        "select prune_outbox(interval '72 hours', 10001)",
        "select prune_outbox(interval '72 hours', 0)",
        "select prune_idempotency_keys(interval '59 minutes', 10)",
        "select prune_idempotency_keys(interval '24 hours', null)",
    ],
)
def test_the_database_keeps_its_bounds_whoever_asks(scene: Scene, statement: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        scene.orders.database_as("maintenance").repeatable(statement, ())
    assert caught.value.sqlstate == "OR006"


@pytest.mark.parametrize(
    "statement",
    [
        "delete from outbox", "select * from outbox", "delete from idempotency_key", "select * from outbox_watermark",
        "select * from client", "delete from orders", "update outbox set version = 0", "create table t (x integer)",
        "set role maintenance_writer", "select began_before('1', '2')",
        "insert into outbox_watermark (noted_at, oldest_open, lsn, slots) values (now(), '1', '0/0', '{}')",
    ],
)  # fmt: skip
def test_the_role_can_do_nothing_but_call_the_functions(scene: Scene, statement: str) -> None:
    connection = scene.orders.connect("maintenance")
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)
    connection.close()


@pytest.mark.parametrize("role", ["app", "administrator", "cdc"])
def test_no_other_role_prunes(scene: Scene, role: str) -> None:
    connection = scene.orders.connect(role)
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("select prune_outbox(interval '72 hours', 10)")
    connection.close()


def test_the_state_tells_ages_and_what_is_overdue(scene: Scene) -> None:
    assert scene.outbox.state() == replace(scene.outbox.state(), slots=0, oldest_seconds=0, rows_overdue=0)
    scene.add_slot()
    scene.events(1, 2, hours=100)
    scene.events(3, hours=1)
    state = scene.outbox.state()
    assert (state.slots, state.lost_slots, state.rows_overdue) == (1, 0, 2)
    assert 360_000 <= state.oldest_seconds < 360_100


def test_a_deletion_carries_the_partition_key_into_the_log(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1)
    scene.outbox.note_watermark()
    scene.read(slot)
    scene.pass_time()
    assert scene.outbox.prune_events(10) == 1
    (deletion,) = [change for change in scene.read(slot) if "public.outbox: DELETE" in change]
    assert "aggregate_id[character varying]:'1'" in deletion


def test_a_batch_reads_its_own_rows_and_not_the_table(scene: Scene) -> None:
    slot = scene.add_slot()
    event = (
        "insert into outbox select gen_random_uuid(), 'client', '1', 'orders.OrderPlaced.v1', n, repeat('x', 600),"
        " now() - make_interval(hours => %s) - random() * interval '1 day' from generate_series(1, %s) n"
    )
    key = (
        "insert into idempotency_key select gen_random_uuid()::varchar, repeat('x', 64), to_jsonb(repeat('x', 600)),"
        " now() - make_interval(hours => %s) - random() * interval '1 day' from generate_series(1, %s) n"
    )
    # Statistics that know of young rows only, as new rows take the places of old ones.
    for hours, rows in ((0, 2_000), (100, 20_000)):
        scene.orders.rows(event, (hours, rows))
        scene.orders.rows(key, (hours, rows))
        if not hours:
            scene.orders.rows("analyze")
    scene.outbox.note_watermark()
    scene.read(slot)
    scene.pass_time()
    read = (
        "select coalesce(sum(seq_tup_read), 0)::integer, coalesce(sum(idx_tup_fetch), 0)::integer"
        " from pg_stat_user_tables where relname in ('outbox', 'idempotency_key')"
    )
    [(scanned, fetched)] = scene.orders.rows(read)
    assert scene.outbox.prune_events(500) == scene.outbox.prune_keys(500) == 500
    # The server has counted what a session read by the time that the session ends.
    scene.database.close()
    until(lambda: scene.orders.rows(read)[0][1] > fetched, what="the counts")
    # The planner fetches a few as well, to see the ends of an index.
    [(scanned_after, fetched_after)] = scene.orders.rows(read)
    assert scanned_after == scanned
    assert fetched_after < fetched + 1100


def test_a_whole_run(scene: Scene) -> None:
    slot = scene.add_slot()
    scene.events(1, 250)
    scene.outbox.note_watermark()
    scene.read(slot)
    scene.pass_time()
    scene.orders.rows(
        "insert into idempotency_key select n::text, 'h', '{}', now() - interval '25 hours'"
        " from generate_series(1, 90) n"
    )
    assert prune(scene.outbox, Pace(100, 100_000), lambda: 100.0, lambda _: None, 5.0) == Pruned(250, 90, True)
    assert scene.watermarks() == 1
