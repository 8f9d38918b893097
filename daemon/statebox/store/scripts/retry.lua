-- Make an execution that was set aside due again, with its claims counted from none.
-- One step, as it must not stand in both sets, nor in neither.
--
-- KEYS[1] due
-- ARGV    base, now, id, operation
-- Returns 1, 0 when it is not set aside, -1 when there is no such execution

--!include parts/base.lua

local id, operation = ARGV[3], ARGV[4]
local key = base .. 'execution:' .. id
if redis.call('HGET', key, 'retried') == operation then return 1 end
if not redis.call('ZSCORE', base .. 'aside', id) then return redis.call('EXISTS', key) - 1 end
redis.call('HSET', key, 'retried', operation)
redis.call('HDEL', key, 'aside', 'claims')
redis.call('ZADD', base .. 'due', now, id)
redis.call('ZREM', base .. 'aside', id)
redis.call('PUBLISH', channel('due'), string.match(base, '{(%d+)}:$'))
return 1
