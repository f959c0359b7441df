-- Clients and products are registered and changed by four functions. As with place_order, each is one call, one round
-- trip and one transaction: the change, the event (for clients) and the idempotency record.
--
-- Errors have SQLSTATEs of the class of place_order's:
--   OR001  no such client
--   OR002  no such product                      DETAIL: its id
--   OR003  the key was used for another request
--   OR006  arguments that a caller should have refused before
--   OR007  the client has none of the versions in p_expected_versions    DETAIL: the version it has
--
-- Locks in the same order as place_order's: the row of the client (or product) if there is one already, then the
-- idempotency key. Who holds a key goes on to insert rows that nobody else knows of, or to change the row it holds,
-- so there is no cycle.
--
-- A change of a product makes no event, as no read model has products, and touches no order: order lines have prices
-- of their own.
--
--   administration_writer  owns these functions and has what they need; nobody logs in as it
--   administrator          runs them, and nothing else

-- Claims the key for this transaction's response. Gives null if that worked, or the response of the transaction that
-- had the key before with the same request. Waits for a transaction that is using the key.
create function claim_key(p_key varchar, p_request_hash varchar, p_expires_after interval, p_response jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_hash     varchar;
    v_response jsonb;
begin
    loop
        insert into idempotency_key as k (key, request_hash, response, created_at)
        values (p_key, p_request_hash, p_response, clock_timestamp())
        on conflict (key) do update
        set request_hash = excluded.request_hash, response = excluded.response, created_at = excluded.created_at
        where k.created_at < clock_timestamp() - p_expires_after;
        if found then
            return null;
        end if;
        select k.request_hash, k.response into v_hash, v_response from idempotency_key k where k.key = p_key;
        if found then
            if v_hash <> p_request_hash then
                raise exception using errcode = 'OR003', message = 'idempotency key used for another request';
            end if;
            return v_response;
        end if;
        -- Pruned between the two statements: it is free now.
    end loop;
end
$$;

create function register_client(
    p_key           varchar,
    p_request_hash  varchar,
    p_expires_after interval,
    p_name          varchar,
    p_email         varchar,
    p_traceparent   varchar default null
) returns table (id_client bigint, client_version bigint, replayed boolean)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_id      bigint;
    v_earlier jsonb;
    v_client  client%rowtype;
begin
    if p_key is null or p_request_hash is null or p_expires_after is null or p_name is null or p_email is null
        or p_traceparent !~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
    then
        raise exception using errcode = 'OR006', message = 'register_client: malformed arguments';
    end if;

    -- The id is taken first, so that the record of the key is complete when it is written. A repetition leaves a gap.
    v_id := nextval(pg_get_serial_sequence('client', 'id'));
    v_earlier := claim_key(p_key, p_request_hash, p_expires_after, jsonb_build_object('id_client', v_id));
    if v_earlier is not null then
        return query select (v_earlier ->> 'id_client')::bigint, 0::bigint, true;
        return;
    end if;

    insert into client (id, name, email) values (v_id, p_name, p_email) returning * into v_client;
    perform record_client_event('orders.ClientRegistered.v1', v_client, clock_timestamp(), p_traceparent);
    return query select v_id, v_client.version, false;
end
$$;

-- Null for a name or an e-mail keeps it. What changes nothing makes no event and no version.
-- p_expected_versions: null for any, empty for none.
create function change_client(
    p_key               varchar,
    p_request_hash      varchar,
    p_expires_after     interval,
    p_client_id         bigint,
    p_name              varchar,
    p_email             varchar,
    p_expected_versions bigint[] default null,
    p_traceparent       varchar default null
) returns table (id_client bigint, client_version bigint, replayed boolean)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_client  client%rowtype;
    v_changes boolean;
    v_version bigint;
    v_earlier jsonb;
begin
    if p_key is null or p_request_hash is null or p_expires_after is null
        or p_traceparent !~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
    then
        raise exception using errcode = 'OR006', message = 'change_client: malformed arguments';
    end if;

    select * into v_client from client c where c.id = p_client_id for no key update;
    if not found then
        raise exception using errcode = 'OR001', message = 'unknown client';
    end if;
    v_changes := v_client.name <> coalesce(p_name, v_client.name) or v_client.email <> coalesce(p_email, v_client.email);
    v_version := v_client.version + v_changes::integer;

    v_earlier := claim_key(p_key, p_request_hash, p_expires_after, jsonb_build_object('client_version', v_version));
    if v_earlier is not null then
        return query select p_client_id, (v_earlier ->> 'client_version')::bigint, true;
        return;
    end if;
    if v_client.version <> all (p_expected_versions) then
        raise exception using errcode = 'OR007', message = 'another version', detail = v_client.version::text;
    end if;

    if v_changes then
        update client c
        set version = v_version, name = coalesce(p_name, c.name), email = coalesce(p_email, c.email)
        where c.id = p_client_id
        returning c.* into v_client;
        perform record_client_event('orders.ClientChanged.v1', v_client, clock_timestamp(), p_traceparent);
    end if;
    return query select p_client_id, v_version, false;
end
$$;

create function add_product(
    p_key           varchar,
    p_request_hash  varchar,
    p_expires_after interval,
    p_name          varchar,
    p_price         numeric
) returns table (id_product bigint, replayed boolean)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_id      bigint;
    v_earlier jsonb;
begin
    -- A column would round what has more decimals than it holds.
    if p_key is null or p_request_hash is null or p_expires_after is null or p_name is null or p_price is null
        or p_price <> round(p_price, 2)
    then
        raise exception using errcode = 'OR006', message = 'add_product: malformed arguments';
    end if;

    v_id := nextval(pg_get_serial_sequence('product', 'id'));
    v_earlier := claim_key(p_key, p_request_hash, p_expires_after, jsonb_build_object('id_product', v_id));
    if v_earlier is not null then
        return query select (v_earlier ->> 'id_product')::bigint, true;
        return;
    end if;

    insert into product (id, name, price) values (v_id, p_name, p_price);
    return query select v_id, false;
end
$$;

-- Null for a name or a price keeps it.
create function change_product(
    p_key           varchar,
    p_request_hash  varchar,
    p_expires_after interval,
    p_product_id    bigint,
    p_name          varchar,
    p_price         numeric
) returns table (id_product bigint, replayed boolean)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if p_key is null or p_request_hash is null or p_expires_after is null or p_price <> round(p_price, 2) then
        raise exception using errcode = 'OR006', message = 'change_product: malformed arguments';
    end if;

    perform from product p where p.id = p_product_id for no key update;
    if not found then
        raise exception using errcode = 'OR002', message = 'unknown product', detail = p_product_id::text;
    end if;
    if claim_key(p_key, p_request_hash, p_expires_after, '{}') is not null then
        return query select p_product_id, true;
        return;
    end if;

    update product p set name = coalesce(p_name, p.name), price = coalesce(p_price, p.price)
    where p.id = p_product_id;
    return query select p_product_id, false;
end
$$;

do $$
begin
    execute format('grant connect on database %I to administrator', current_database());
end
$$;

grant usage on schema public to administration_writer, administrator;

grant select, insert (id, name, email), update (name, email, version) on client to administration_writer;
grant select, insert (id, name, price), update (name, price) on product to administration_writer;
grant insert on outbox to administration_writer;
grant select, insert, update on idempotency_key to administration_writer;
grant execute on function record_client_event(varchar, client, timestamptz, varchar) to administration_writer;

-- The new owner of a function must be able to create in its schema, at that moment only.
grant create on schema public to administration_writer;
do $$
declare
    v_function regprocedure;
begin
    -- The default lets every role run a new function.
    foreach v_function in array array[
        'claim_key(varchar, varchar, interval, jsonb)',
        'register_client(varchar, varchar, interval, varchar, varchar, varchar)',
        'change_client(varchar, varchar, interval, bigint, varchar, varchar, bigint[], varchar)',
        'add_product(varchar, varchar, interval, varchar, numeric)',
        'change_product(varchar, varchar, interval, bigint, varchar, numeric)'
    ]::regprocedure[] loop
        execute format('revoke all on function %s from public', v_function);
        if v_function <> 'claim_key'::regproc then
            execute format('grant execute on function %s to administrator', v_function);
        end if;
        execute format('alter function %s owner to administration_writer', v_function);
    end loop;
    execute format('grant usage on sequence %s, %s to administration_writer',
                   pg_get_serial_sequence('client', 'id'), pg_get_serial_sequence('product', 'id'));
end
$$;
revoke create on schema public from administration_writer;
