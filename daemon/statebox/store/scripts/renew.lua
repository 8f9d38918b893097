-- Prolong leases: `due` becomes their new end. Tells which were lost, and which executions have something in their inbox,
-- so that a lost wakeup costs time and nothing else.
-- One step for each lease, as an execution that was taken over must not be pushed back in `due`.
--
-- KEYS[1] due
-- ARGV    base, now, lease_ms, then id and lease token of each, at most 500
-- Returns for each: 0 lost, 1 goes on, 2 goes on and something waits in its inbox

--!include parts/base.lua

local until_ms, standing = now + tonumber(ARGV[3]), {}
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('HGET', base .. 'execution:' .. id, 'lease') ~= ARGV[i + 1] then
    standing[#standing + 1] = 0
  else
    redis.call('ZADD', base .. 'due', until_ms, id)
    standing[#standing + 1] = redis.call('EXISTS', base .. 'inbox:' .. id) == 0 and 1 or 2
  end
end
return standing
