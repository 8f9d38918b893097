-- Leave an execution to newer daemons: something of it, or something delivered to it, has a format that only they know.
-- One step, as it must not stand without a lease and out of `due`, nor be left by one that has lost it.
--
-- KEYS[1] due
-- ARGV    base, now, id, lease token, the format found
-- Returns 1, or 0 when the lease was lost

--!include parts/base.lua

local id = ARGV[3]
local key = base .. 'execution:' .. id
local lease, owner, format = unpack(redis.call('HMGET', key, 'lease', 'owner', 'format'))
if lease ~= ARGV[4] then return 0 end
-- Whoever writes it next says the format that it then has.
redis.call('HSET', key, 'format', math.max(tonumber(format or 0) or 0, tonumber(ARGV[5])))
-- Without `released` it will be loaded whole. That it was claimed here says nothing against it.
redis.call('HDEL', key, 'lease', 'owner', 'claims', 'released')
redis.call('ZADD', base .. 'due', now, id)
redis.call('SREM', base .. 'held:' .. owner, id)
redis.call('PUBLISH', channel('due'), string.match(base, '{(%d+)}:$'))
return 1
