#!lua
-- Bring clients of the read model up to date. Any repetition, in any order, ends in the same state.
-- KEYS: of each client the hash and its orders. ARGV: how many orders to keep; then of each client: how many
-- arguments its orders have, version, name, email, order_count, total, last_purchase, the least version that one of
-- the orders made, each order's id and its JSON. Returns, of the clients that could not be written, which one it is
-- (from 1) and why, in turn; whoever comes after it is written all the same.
--
-- The orders are written before the hash: if that fails (a key of a wrong type), the hash keeps its old version, and
-- the next delivery does all of it again.

-- Compared as text, because Lua's numbers are doubles and a version may exceed 2^53.
local function exceeds(a, b)
  return #a > #b or (#a == #b and a > b)
end

local call, keep = redis.call, ARGV[1]

-- Arguments of those orders that are not there yet.
local function missing(listed, first, last)
  local orders = {}
  for i = first, last, 2 do
    if call('ZCOUNT', listed, ARGV[i], ARGV[i]) == 0 then
      orders[#orders + 1] = ARGV[i]
      orders[#orders + 1] = ARGV[i + 1]
    end
  end
  return orders
end

-- The client's arguments begin at `at`, its orders at `first`; they end at `last`.
local function apply(client, listed, at, first, last)
  local new = ARGV[at]
  local known = call('HGET', client, 'version')
  local old = known or '0'

  local added = 0
  if first < last then
    -- Beyond the hash's version nothing is there yet; up to it, an order may be.
    if exceeds(ARGV[first - 1], old) then
      added = call('ZADD', listed, unpack(ARGV, first, last))
    else
      local orders = missing(listed, first, last)
      added = #orders > 0 and call('ZADD', listed, unpack(orders)) or 0
    end
  end
  -- A client with so few orders cannot have too many here.
  if added ~= 0 and (exceeds(new, keep) or exceeds(old, keep)) then
    call('ZREMRANGEBYRANK', listed, 0, -keep - 1)
  end

  if not known or exceeds(new, old) then
    call('HSET', client, 'version', new, 'name', ARGV[at + 1], 'email', ARGV[at + 2],
      'order_count', ARGV[at + 3], 'total', ARGV[at + 4], 'last_purchase', ARGV[at + 5])
  end
end

local refused = {}
local at = 2
for i = 1, #KEYS, 2 do
  local first = at + 8
  local last = first + ARGV[at] - 1
  local done, why = pcall(apply, KEYS[i], KEYS[i + 1], at + 1, first, last)
  if not done then
    refused[#refused + 1] = (i + 1) / 2
    refused[#refused + 1] = type(why) == 'table' and why.err or tostring(why)
  end
  at = last + 1
end
return refused
