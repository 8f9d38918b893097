-- Take a continuation: mark it answered, deliver the answer, and take the execution over when nobody holds it.
-- One step, as of two answers one must win, and an accepted answer must never be lost.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims,
--         continuation, operation, channel, head and tail of the event's JSON, retention_ms
-- Returns {'claimed', value} (parts/load.lua) or {'told', id}; to a repeated operation the same again
--         {'unknown'}, {'expired'}, {'closed'}, or {'answered', when (ms), by which channel, by which operation}

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/deliver.lua
--!include parts/verdict.lua
--!include parts/take.lua

local who = who_at(3)
local token, operation, by, head, tail, retention_ms = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local word, t = verdict(token)
if word == 'answered' then
  if t.operation == operation then return delivered_before(record_of(t.execution), who) end
  return {'answered', t.answered, t.channel, t.operation}
end
if word ~= 'open' then return {word} end

local how, entry = standing(t.record, who), entry_for(t, ARGV[6], head, tail)
take(token, t.state, t.execution, operation, by, retention_ms)
return deliver(t.record, how, entry, who)
