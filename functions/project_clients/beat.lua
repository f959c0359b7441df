-- Note the newest heartbeat that arrived. KEYS: the hash. ARGV: beat, arrived_ms. Returns 1 if it was newer, else 0.
-- Compared as text, as in apply.lua.

local known = redis.call('HGET', KEYS[1], 'beat')
if known and (#known > #ARGV[1] or (#known == #ARGV[1] and known >= ARGV[1])) then
  return 0
end
redis.call('HSET', KEYS[1], 'beat', ARGV[1], 'arrived_ms', ARGV[2])
return 1
