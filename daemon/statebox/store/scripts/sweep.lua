-- Forget executions whose retention has passed: their keys, their places in the indices, their use of a definition.
-- One step for each, as members of sorted sets have no TTL: what is left half-forgotten is left for ever.
--
-- KEYS[1] due
-- ARGV    base, now, how many at most
-- Returns how many were forgotten, or put at the end as nobody can read them

--!include parts/base.lua
--!include parts/forget.lua

local members = redis.call('ZRANGEBYSCORE', base .. 'retention', '-inf', text(now), 'LIMIT', 0, ARGV[3])
for _, member in ipairs(members) do
  forget(member)
end
return #members
