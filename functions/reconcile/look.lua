-- The control hash and the server's time in milliseconds. KEYS: the control hash.
local now = redis.call('TIME')
return { redis.call('HGETALL', KEYS[1]), tostring(now[1] * 1000 + math.floor(now[2] / 1000)) }
