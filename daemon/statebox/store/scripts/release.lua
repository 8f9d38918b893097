-- Give leases back without a step: the executions are due at once, and not counted as claimed.
-- One step for each, as an execution that was taken over meanwhile must be left alone.
--
-- KEYS[1] due
-- ARGV    base, now, then id and lease token of each, at most 500
-- Returns how many were given back

--!include parts/base.lua

local given = 0
for i = 3, #ARGV, 2 do
  local id = ARGV[i]
  local key = base .. 'execution:' .. id
  local lease, owner = unpack(redis.call('HMGET', key, 'lease', 'owner'))
  if lease == ARGV[i + 1] then
    -- Without `released` it will be loaded whole: it was not parked.
    redis.call('HDEL', key, 'lease', 'owner', 'claims', 'released')
    redis.call('ZADD', base .. 'due', now, id)
    redis.call('SREM', base .. 'held:' .. owner, id)
    given = given + 1
  end
end
if given > 0 then
  redis.call('PUBLISH', channel('due'), string.match(base, '{(%d+)}:$'))
end
return given
