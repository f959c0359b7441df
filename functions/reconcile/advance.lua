-- Move a walk's position on, if it is still where the walk left it. Told twice, it answers the same.
-- KEYS: the positions. ARGV: the walk, where it should be, where it goes. Returns 1 if it is there now.
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now ~= ARGV[2] and now ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
