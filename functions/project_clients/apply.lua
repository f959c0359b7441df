-- Bring one client of the read model up to date. Any repetition, in any order, ends in the same state.
-- KEYS: the client's hash, its orders. ARGV: how many orders to keep, version, name, email, order_count, total,
-- last_purchase, the least version that one of the orders made, then each order's id and its JSON. Returns 1 if the hash was older or missing, else 0.
--
-- The orders are written before the hash: if that fails (a key of a wrong type), the hash keeps its old version, and
-- the next delivery does all of it again.

-- Compared as text, because Lua's numbers are doubles and a version may exceed 2^53.
local function exceeds(a, b)
  return #a > #b or (#a == #b and a > b)
end

local keep, new = ARGV[1], ARGV[2]
local known = redis.call('HGET', KEYS[1], 'version')
local old = known or '0'

-- Beyond the hash's version nothing is there yet; up to it, an order may be.
local all = exceeds(ARGV[8], old)
local orders = {}
for i = 9, #ARGV, 2 do
  if all or redis.call('ZCOUNT', KEYS[2], ARGV[i], ARGV[i]) == 0 then
    orders[#orders + 1] = ARGV[i]
    orders[#orders + 1] = ARGV[i + 1]
  end
end
if #orders > 0 then
  redis.call('ZADD', KEYS[2], unpack(orders))
  -- A client with so few orders cannot have too many here.
  if exceeds(new, keep) or exceeds(old, keep) then
    redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -keep - 1)
  end
end

if known and not exceeds(new, old) then
  return 0
end
redis.call('HSET', KEYS[1], 'version', new, 'name', ARGV[3], 'email', ARGV[4],
  'order_count', ARGV[5], 'total', ARGV[6], 'last_purchase', ARGV[7])
return 1
