-- A heartbeat is an event of its own type that goes the whole way every minute: so the way is known to be open, and how
-- long it takes, also when nobody orders.
--
-- A beat is known by the moment it was written, in microseconds since 1970. A sequence would go back when the database
-- is restored to an earlier moment, and the read model, which knows a later beat, would take every new one for old.

-- The beats of a day, to tell for how long the oldest missing one is on its way.
create table heartbeat (
    beat bigint primary key
);

-- Writes one beat and its event; gives the beat.
create function take_heartbeat() returns bigint
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    iso  constant varchar := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    kept constant bigint := 86400000000;
    v_now      timestamptz := clock_timestamp();
    v_beat     bigint := (extract(epoch from v_now) * 1000000)::bigint;
    v_event_id uuid := gen_random_uuid();
begin
    delete from heartbeat h where h.beat < v_beat - kept;
    insert into heartbeat (beat) values (v_beat);
    insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)
    values (
        v_event_id, 'heartbeat', 'heartbeat', 'orders.Heartbeat.v1', v_beat,
        '{"specversion":"1.0","id":"' || v_event_id
            || '","source":"orders","type":"orders.Heartbeat.v1","subject":"heartbeat","time":"'
            || to_char(v_now at time zone 'UTC', iso)
            || '","datacontenttype":"application/json","data":{"beat":' || v_beat || '}}',
        v_now
    );
    return v_beat;
end
$$;

-- Milliseconds since the oldest beat after p_arrived was written; null if there is none.
create function heartbeat_age(p_arrived bigint) returns bigint
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
    select ((extract(epoch from clock_timestamp()) * 1000000 - min(h.beat)) / 1000)::bigint
    from heartbeat h where h.beat > p_arrived
$$;

revoke all on function take_heartbeat() from public;
revoke all on function heartbeat_age(bigint) from public;
grant select, insert, delete on heartbeat to order_writer;
-- The new owner of a function must be able to create in its schema, at that moment only.
grant create on schema public to order_writer;
alter function take_heartbeat() owner to order_writer;
alter function heartbeat_age(bigint) owner to order_writer;
revoke create on schema public from order_writer;

grant execute on function take_heartbeat() to operator;
grant execute on function heartbeat_age(bigint) to operator;
