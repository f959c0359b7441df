-- Old rows go: events that the replication slot has passed, and idempotency records that have expired.
-- docs/decisions/maintenance.md says why it is done this way.
--
-- "Passed" is known by watermarks. A row has no position in the log, but it has the id of its transaction (xmin).
-- A watermark notes, at one moment: the oldest transaction still open, so that every transaction with an older id has
-- ended; then the log's position, which lies behind the commits of all those; and which slots there are. Once each
-- of these slots has confirmed that position, it has been given every row of those transactions. A transaction that
-- was open at that moment has an id that is not older, so its rows wait for a later watermark, wherever in the log
-- they stand and whatever occurred_at says.
--
-- A watermark counts only while there are the very slots that it noted. A new slot begins behind the rows that were
-- there before it, so its having passed them says nothing: its task has to read these from the table. From the moment
-- the slots change, nothing is pruned for as long as p_keep, and with no slot, never.
--
--   maintenance_writer  owns these functions and has what they need; nobody logs in as it
--   maintenance         runs them, and nothing else

create index outbox_occurred_at on outbox (occurred_at);
create index idempotency_key_created_at on idempotency_key (created_at);

-- Deletions reach DMS too, which needs the column that it makes the partition key of; the key alone has only the id.
alter table outbox replica identity full;

-- Space is used again while the tables keep their size: cleaned up after a hundredth of the rows, not after a fifth.
alter table outbox set (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05,
    toast.autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_vacuum_threshold = 1000
);
alter table idempotency_key set (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05
);

create table outbox_watermark (
    id          bigint generated always as identity primary key,
    noted_at    timestamptz not null,
    oldest_open xid8 not null,
    lsn         pg_lsn not null,
    slots       varchar[] not null
);

-- The slots that read this database's log. Temporary ones end with the session that reads them.
create view capture_slot as
select slot_name::varchar as name, confirmed_flush_lsn as confirmed, coalesce(wal_status = 'lost', false) as lost
from pg_replication_slots
where slot_type = 'logical' and database = current_database() and not temporary;

-- Whether a row's transaction began before another. Ids of rows have 32 bits and go round; within 2^31 of each
-- other they still tell. Beyond that the answer is no, and the row stays. (One comparison, of which the planner assumes
-- that it keeps a third of the rows; of a range it would assume next to none.)
create function began_before(p_row xid, p_other xid8) returns boolean
language sql immutable parallel safe
return ((p_other::text::bigint - p_row::text::bigint - 1) & 4294967295) < 2147483647;

-- Gives the number of slots. Notes nothing while there is none.
create function note_outbox_watermark() returns integer
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_slots varchar[];
begin
    select array_agg(s.name order by s.name) into v_slots from capture_slot s;
    if v_slots is not null then
        -- The snapshot is taken as the statement begins, the position is read after it. A commit that the snapshot
        -- sees is in the log already, unless its session waits for no commit (synchronous_commit off; none does).
        insert into outbox_watermark (noted_at, oldest_open, lsn, slots)
        values (clock_timestamp(), pg_snapshot_xmin(pg_current_snapshot()), pg_current_wal_lsn(), v_slots);
    end if;
    return coalesce(cardinality(v_slots), 0);
end
$$;

-- Removes up to p_rows rows that are older than p_keep and that every slot has passed. Gives their number; fewer than
-- p_rows means that there are no more.
create function prune_outbox(p_keep interval, p_rows integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
-- The rows to remove are the first ones of an index. Statistics that lag behind make the planner expect few of them,
-- and then it would rather read and sort them all, in each batch.
set enable_sort = off
as $$
declare
    least_keep constant interval := '24 hours';
    v_slots    varchar[];
    v_passed   pg_lsn;
    v_mark     outbox_watermark%rowtype;
    v_pruned   integer := 0;
    v_count    integer;
begin
    if p_keep is null or p_keep < least_keep or p_rows is null or p_rows not between 1 and 10000 then
        raise exception using errcode = 'OR006', message = 'prune_outbox: keep at least 24 hours, 1 to 10000 rows';
    end if;

    -- One batch at a time: two would wait for each other's rows and find them gone.
    lock table outbox_watermark in share row exclusive mode;

    -- A slot that is still being made has confirmed nothing.
    select array_agg(s.name order by s.name), min(coalesce(s.confirmed, '0/0')) into v_slots, v_passed
    from capture_slot s;

    -- From the oldest on, so that rows and watermark are never far apart in transaction ids. None if there is no slot.
    for v_mark in
        select * from outbox_watermark w
        where w.noted_at <= clock_timestamp() - p_keep and w.slots = v_slots and w.lsn <= v_passed
        order by w.id
    loop
        -- By place, as a row of the outbox never changes.
        delete from outbox o where o.ctid = any (array(
            select c.ctid from outbox c
            where c.occurred_at <= v_mark.noted_at and began_before(c.xmin, v_mark.oldest_open)
            order by c.occurred_at
            limit p_rows - v_pruned
        ));
        get diagnostics v_count = row_count;
        v_pruned := v_pruned + v_count;
        exit when v_pruned >= p_rows;
        -- Nothing is left for this one, and less for those before it.
        delete from outbox_watermark w where w.id <= v_mark.id;
    end loop;
    return v_pruned;
end
$$;

-- Removes up to p_rows records that expired; gives their number.
create function prune_idempotency_keys(p_expires_after interval, p_rows integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set enable_sort = off
as $$
declare
    least_life constant interval := '1 hour';
    v_before   timestamptz := clock_timestamp() - p_expires_after;
    v_count    integer;
begin
    if p_expires_after is null or p_expires_after < least_life or p_rows is null or p_rows not between 1 and 10000 then
        raise exception using errcode = 'OR006', message = 'prune_idempotency_keys: at least 1 hour, 1 to 10000 rows';
    end if;

    -- Locked first: a record that is being taken over is not waited for, and is young when it is free again.
    delete from idempotency_key k where k.ctid = any (array(
        select c.ctid from idempotency_key c where c.created_at < v_before
        order by c.created_at limit p_rows for update skip locked
    ));
    get diagnostics v_count = row_count;
    return v_count;
end
$$;

-- How things are, for metrics: slots that deliver, slots whose log is gone, age of the oldest row in seconds (0 if there
-- is none), and rows older than p_keep, counted up to 10,000.
create function outbox_state(p_keep interval)
returns table (slots integer, lost_slots integer, oldest_seconds bigint, rows_overdue integer)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
    select
        (select count(*) from capture_slot s where not s.lost)::integer,
        (select count(*) from capture_slot s where s.lost)::integer,
        coalesce(greatest(extract(epoch from clock_timestamp() - (select min(o.occurred_at) from outbox o)), 0), 0)::bigint,
        (
            select count(*) from (
                select from outbox o where o.occurred_at < clock_timestamp() - p_keep limit 10000
            ) as overdue
        )::integer
$$;

revoke select, delete on outbox, idempotency_key from maintenance;
grant usage on schema public to maintenance_writer;
grant select, delete on outbox, idempotency_key to maintenance_writer;
-- Of a row that one may not update one may not lock.
grant update (key) on idempotency_key to maintenance_writer;
grant select, insert, delete on outbox_watermark to maintenance_writer;
grant select on capture_slot to maintenance_writer;

-- The new owner of a function must be able to create in its schema, at that moment only.
grant create on schema public to maintenance_writer;
do $$
declare
    v_function regprocedure;
begin
    -- The default lets every role run a new function.
    foreach v_function in array array[
        'began_before(xid, xid8)',
        'note_outbox_watermark()',
        'prune_outbox(interval, integer)',
        'prune_idempotency_keys(interval, integer)',
        'outbox_state(interval)'
    ]::regprocedure[] loop
        execute format('revoke all on function %s from public', v_function);
        execute format('alter function %s owner to maintenance_writer', v_function);
        if v_function <> 'began_before'::regproc then
            execute format('grant execute on function %s to maintenance', v_function);
        end if;
    end loop;
end
$$;
revoke create on schema public from maintenance_writer;
