-- Who may do what. The roles exist before this file runs: the migrate function makes them, as their ways to log in
-- differ from place to place.
--   order_writer  owns place_order and has what it needs; nobody logs in as it
--   app           runs place_order, and nothing else
--   cdc           reads the outbox; writes its heartbeat into a schema of its own, so not in public
--   maintenance   removes old rows

revoke create on schema public from public;

do $$
begin
    -- The default lets every role connect and make temporary tables.
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to app, cdc, maintenance', current_database());
end
$$;

grant usage on schema public to order_writer, app, cdc, maintenance;

grant select on product to order_writer;
grant select, update on client to order_writer;
grant insert, select on orders to order_writer;
grant insert on order_line, outbox to order_writer;
grant select, insert, update on idempotency_key to order_writer;

-- The new owner of a function must be able to create in its schema, at that moment only.
revoke all on function place_order(varchar, varchar, interval, bigint, bigint[], integer[], varchar) from public;
grant execute on function place_order(varchar, varchar, interval, bigint, bigint[], integer[], varchar) to app;
grant create on schema public to order_writer;
alter function place_order(varchar, varchar, interval, bigint, bigint[], integer[], varchar) owner to order_writer;
revoke create on schema public from order_writer;

grant select on outbox to cdc;
create schema cdc;
grant usage, create on schema cdc to cdc;

grant select, delete on outbox, idempotency_key to maintenance;
