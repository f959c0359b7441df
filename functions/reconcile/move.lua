-- Put a switch of generations into another state, if it is still in the one that was seen. Told twice, it answers the
-- same. KEYS: the control hash. ARGV: the number of the step that was seen, who tells, stage, active, filling (empty:
-- none, else its name with a dot before it), begun, cursor, found. Returns 1 if that is its state now.
--
-- `since` is when the stage or the active generation became what it is; a switch that begins has begun then.
local step = redis.call('HGET', KEYS[1], 'step') or '0'
if step ~= ARGV[1] then
  return (step == tostring(ARGV[1] + 1) and redis.call('HGET', KEYS[1], 'by') == ARGV[2]) and 1 or 0
end
local time = redis.call('TIME')
local now = tostring(time[1] * 1000 + math.floor(time[2] / 1000))
local was = redis.call('HMGET', KEYS[1], 'stage', 'active', 'since')
local since = was[3]
if not since or was[1] ~= ARGV[3] or was[2] ~= ARGV[4] then
  since = now
end
redis.call('HSET', KEYS[1], 'step', tostring(step + 1), 'by', ARGV[2], 'stage', ARGV[3], 'active', ARGV[4],
  'begun', ARGV[6] == '' and now or ARGV[6], 'since', since, 'cursor', ARGV[7], 'found', ARGV[8])
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[1], 'filling')
else
  redis.call('HSET', KEYS[1], 'filling', string.sub(ARGV[5], 2))
end
return 1
