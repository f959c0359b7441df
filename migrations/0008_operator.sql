-- Looking after the system: a role that compares the write model with the read model, and changes neither table.
--
--   operator  reads what the read model is made of, and the outbox

-- A client's last orders are found without reading everybody's.
create index orders_client_id on orders (client_id, id);

do $$
begin
    execute format('grant connect on database %I to operator', current_database());
end
$$;

grant usage on schema public to operator;
grant select on client, orders, order_line, product, outbox to operator;
