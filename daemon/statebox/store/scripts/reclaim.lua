-- Make due at once what a daemon of this name held before it died. Whatever may be left of it is fenced.
-- One step, as none of them may be taken over while its lease is being ended.
--
-- KEYS[1] due
-- ARGV    base, now, daemon, how many at most
-- Returns {how many were made due, how many were looked at}

--!include parts/base.lua

local daemon, made_due = ARGV[3], 0
local held = base .. 'held:' .. daemon
local ids = redis.call('SRANDMEMBER', held, ARGV[4])
for _, id in ipairs(ids) do
  local key = base .. 'execution:' .. id
  if redis.call('HGET', key, 'owner') == daemon then
    -- The claims are still counted: what kills its daemon is set aside in the end.
    redis.call('HDEL', key, 'lease', 'owner', 'released')
    redis.call('ZADD', base .. 'due', now, id)
    made_due = made_due + 1
  end
  redis.call('SREM', held, id)
end
return {made_due, #ids}
