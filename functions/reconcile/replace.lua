-- Make one client of the read model what the write model says, unless the read model is newer by now.
-- KEYS: the client's hash, its orders. ARGV: the version, a version that is replaced although it is newer (empty for
-- none), how many orders to keep, how many arguments of HSET follow, these, then the score and the JSON of each order.
-- Returns 1 if it was replaced, 0 if not.
--
-- Of one version there is one content, so replacing the same version does no harm to anybody.

-- Compared as text, because Lua's numbers are doubles and a version may exceed 2^53.
local function exceeds(a, b)
  return #a > #b or (#a == #b and a > b)
end

-- A key of another type is damage, and has no version.
local known = redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'version')
local last = 4 + ARGV[4]
if known and known ~= ARGV[2] and exceeds(known, ARGV[1]) then
  -- An event that found the client missing has brought its own order, and none of those before it.
  local kind = redis.call('TYPE', KEYS[2]).ok
  if kind ~= 'zset' and kind ~= 'none' then
    redis.call('DEL', KEYS[2])
  end
  for i = last + 1, #ARGV, 2 do
    if redis.call('ZCOUNT', KEYS[2], ARGV[i], ARGV[i]) == 0 then
      redis.call('ZADD', KEYS[2], ARGV[i], ARGV[i + 1])
    end
  end
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -ARGV[3] - 1)
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], unpack(ARGV, 5, last))
if #ARGV > last then
  redis.call('ZADD', KEYS[2], unpack(ARGV, last + 1))
end
return 1
