-- One call, one round trip, one transaction: the order, its lines, the client's new state, the event and the
-- idempotency record are all written, or none is.
--
-- Errors have SQLSTATEs of their own class:
--   OR001  no such client
--   OR002  no such product                      DETAIL: the unknown ids, with commas
--   OR003  the key was used for another request
--   OR004  the order's total exceeds 999999999999.99
--   OR005  the client's total would exceed 999999999999.99
--   OR006  arguments that a caller should have refused before (number of lines, quantity, product given twice)
--
-- Locks are taken in one order by everyone: the client's row, then the idempotency key. Nobody who holds a key waits
-- for a client, so there is no cycle. Products are only read; the foreign keys' share locks on them do not
-- conflict with each other.
--
-- Duplicates: two calls with the same key and request name the same client, so the second waits for the row lock.
-- In READ COMMITTED each statement of a volatile function sees what was committed before that statement began, so
-- the look-up after the lock finds the first call's record and its answer is returned. Two calls with the same key
-- for different clients meet at the key's unique index instead: the second waits there, and then finds the key taken.
--
-- Size of the event: 100 lines of at most 62 characters ({"id":,"price":"","qty":} with 19, 13 and 4 characters of
-- values and a comma), 100 characters of name and 254 of e-mail of which JSON escapes each into two, and under 620
-- characters of everything else: below 7,600 of the 7,900 that outbox.payload holds.

create function place_order(
    p_key           varchar,
    p_request_hash  varchar,
    p_expires_after interval,
    p_client_id     bigint,
    p_product_ids   bigint[],
    p_quantities    integer[],
    p_traceparent   varchar default null
) returns table (id_order bigint, client_version bigint, replayed boolean)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    max_total constant numeric := 999999999999.99;
    v_line_count integer := cardinality(p_product_ids);
    v_client     client%rowtype;
    v_hash       varchar;
    v_response   jsonb;
    v_found      bigint;
    v_distinct   bigint;
    v_bounded    boolean;
    v_prices     numeric[];
    v_lines      text;
    v_total      numeric;
    v_order_id   bigint;
    v_event_id   uuid := gen_random_uuid();
    v_now        timestamptz;
    v_time       text;
begin
    if p_key is null or p_request_hash is null or p_expires_after is null
        or v_line_count is null or v_line_count not between 1 and 100
        or cardinality(p_quantities) is distinct from v_line_count
        or p_traceparent !~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
    then
        raise exception using errcode = 'OR006', message = 'place_order: malformed arguments';
    end if;

    -- The lock that an update takes; unlike "for update" it lets foreign keys look at the row meanwhile.
    select * into v_client from client c where c.id = p_client_id for no key update;
    if not found then
        raise exception using errcode = 'OR001', message = 'unknown client';
    end if;

    select k.request_hash, k.response into v_hash, v_response
    from idempotency_key k
    where k.key = p_key and k.created_at >= clock_timestamp() - p_expires_after;
    if found then
        if v_hash <> p_request_hash then
            raise exception using errcode = 'OR003', message = 'idempotency key used for another request';
        end if;
        return query select (v_response ->> 'id_order')::bigint, (v_response ->> 'client_version')::bigint, true;
        return;
    end if;

    select count(p.id), count(distinct l.product_id), bool_and(l.quantity between 1 and 9999),
           array_agg(p.price order by l.line_no),
           string_agg('{"id":' || p.id || ',"price":"' || p.price || '","qty":' || l.quantity || '}', ','
                      order by l.line_no),
           sum(p.price * l.quantity)
    into v_found, v_distinct, v_bounded, v_prices, v_lines, v_total
    from unnest(p_product_ids, p_quantities) with ordinality as l (product_id, quantity, line_no)
    left join product p on p.id = l.product_id;
    if v_distinct <> v_line_count or v_bounded is not true then
        raise exception using errcode = 'OR006', message = 'place_order: malformed lines';
    end if;
    if v_found <> v_line_count then
        raise exception using errcode = 'OR002', message = 'unknown product', detail = (
            select string_agg(l.product_id::text, ',')
            from unnest(p_product_ids) as l (product_id)
            where not exists (select from product p where p.id = l.product_id)
        );
    end if;
    if v_total > max_total then
        raise exception using errcode = 'OR004', message = 'order total too large';
    end if;
    if v_client.total + v_total > max_total then
        raise exception using errcode = 'OR005', message = 'client total too large';
    end if;

    -- Read after the lock, so that a client's orders carry times in the order of their versions.
    v_now := clock_timestamp();
    v_time := to_char(v_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

    insert into orders (client_id, total, placed_at) values (p_client_id, v_total, v_now) returning id into v_order_id;

    insert into order_line (order_id, line_no, product_id, unit_price, quantity)
    select v_order_id, l.line_no, l.product_id, l.price, l.quantity
    from unnest(p_product_ids, v_prices, p_quantities) with ordinality as l (product_id, price, quantity, line_no);

    update client c
    set version = c.version + 1, order_count = c.order_count + 1, total = c.total + v_total, last_purchase = v_now
    where c.id = p_client_id
    returning c.* into v_client;

    insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)
    values (
        v_event_id, 'client', p_client_id::varchar, 'orders.OrderPlaced.v1', v_client.version,
        '{"specversion":"1.0","id":"' || v_event_id
            || '","source":"orders","type":"orders.OrderPlaced.v1","subject":"' || p_client_id
            || '","time":"' || v_time || '","datacontenttype":"application/json"'
            || coalesce(',"traceparent":"' || p_traceparent || '"', '')
            || ',"data":{"client":{"id":' || p_client_id
            || ',"name":' || to_json(v_client.name) || ',"email":' || to_json(v_client.email)
            || ',"version":' || v_client.version || ',"order_count":' || v_client.order_count
            || ',"total":"' || v_client.total || '","last_purchase":"' || v_time
            || '"},"order":{"id":' || v_order_id || ',"total":"' || v_total::numeric(14, 2)
            || '","placed_at":"' || v_time || '","lines":[' || v_lines || ']}}}',
        v_now
    );

    -- An expired record is taken over; a record that appeared meanwhile belongs to another request.
    insert into idempotency_key as k (key, request_hash, response, created_at)
    values (p_key, p_request_hash,
            jsonb_build_object('id_order', v_order_id, 'client_version', v_client.version), v_now)
    on conflict (key) do update
    set request_hash = excluded.request_hash, response = excluded.response, created_at = excluded.created_at
    where k.created_at < clock_timestamp() - p_expires_after;
    if not found then
        raise exception using errcode = 'OR003', message = 'idempotency key used for another request';
    end if;

    return query select v_order_id, v_client.version, false;
end
$$;
