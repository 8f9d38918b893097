-- Take letters out of a shard's outbox that should have arrived by now, for as long as a lease: who takes them delivers them.
-- One step, so that not all daemons deliver the same ones at once.
--
-- KEYS[1] due
-- ARGV    base, now, lease_ms, how many at most
-- Returns the letters

--!include parts/base.lua

local outbox = base .. 'outbox'
local letters = redis.call('ZRANGEBYSCORE', outbox, '-inf', text(now), 'LIMIT', 0, ARGV[4])
for _, letter in ipairs(letters) do
  redis.call('ZADD', outbox, now + tonumber(ARGV[3]), letter)
end
return letters
