-- The products and clients that every new system starts with.

insert into product (id, name, price) values
    (1, 'Computer', 1500),
    (2, 'Phone', 500),
    (3, 'TV', 1000);

insert into client (id, name, email) values
    (1, 'Bob', 'bob@anemailprovider.com'),
    (2, 'Alice', 'alice@anemailprovider.com'),
    (3, 'John', 'john@anemailprovider.com');

-- Ids given by hand do not move an identity's sequence.
select setval(pg_get_serial_sequence('product', 'id'), (select max(id) from product));
select setval(pg_get_serial_sequence('client', 'id'), (select max(id) from client));
