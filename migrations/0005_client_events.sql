-- The read model knows a client by events. So that it knows those who never ordered as well, a client has an event
-- from its first moment on: orders.ClientRegistered.v1 with version 0, and orders.ClientChanged.v1 with the next
-- version for each change of name or e-mail.

-- Writes an event that carries the client's state and no order. The caller holds the client's row, or made it, and
-- read p_now after that, so that a client's events carry times in the order of their versions.
-- At most 100 characters of name and 254 of e-mail, of which JSON escapes each into two, and under 550 of everything
-- else: far below the 7,900 that outbox.payload holds.
create function record_client_event(
    p_type varchar, p_client client, p_now timestamptz, p_traceparent varchar default null
) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    iso constant varchar := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    v_event_id   uuid := gen_random_uuid();
begin
    insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)
    values (
        v_event_id, 'client', p_client.id::varchar, p_type, p_client.version,
        '{"specversion":"1.0","id":"' || v_event_id
            || '","source":"orders","type":"' || p_type || '","subject":"' || p_client.id
            || '","time":"' || to_char(p_now at time zone 'UTC', iso) || '","datacontenttype":"application/json"'
            || coalesce(',"traceparent":"' || p_traceparent || '"', '')
            || ',"data":{"client":{"id":' || p_client.id
            || ',"name":' || to_json(p_client.name) || ',"email":' || to_json(p_client.email)
            || ',"version":' || p_client.version || ',"order_count":' || p_client.order_count
            || ',"total":"' || p_client.total || '","last_purchase":'
            || coalesce('"' || to_char(p_client.last_purchase at time zone 'UTC', iso) || '"', 'null')
            || '}}}',
        p_now
    );
end
$$;

-- Clients from before: who has ordered is known by its orders' events; this tells of everyone else. An order that is
-- placed meanwhile does no harm, as its event has a newer version.
do $$
begin
    perform record_client_event('orders.ClientRegistered.v1', c, clock_timestamp())
    from client c where c.version = 0;
end
$$;

revoke all on function record_client_event(varchar, client, timestamptz, varchar) from public;
