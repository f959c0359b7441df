-- Remove a client that the write model does not have, unless its version is another by now.
-- KEYS: the client's hash, its orders. ARGV: the version that was seen, empty for none. Returns 1 if it was removed.
local known = redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'version') or ''
if known ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
