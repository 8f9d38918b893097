-- Tell that the work on a continuation goes on: deliver it, and take the execution over when nobody holds it.
-- One step, as a heartbeat must not be delivered for a continuation that was answered meanwhile.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims,
--         continuation, operation, head and tail of the event's JSON
-- Returns as answer.lua

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/deliver.lua
--!include parts/verdict.lua

local who, token, operation = who_at(3), ARGV[8], ARGV[9]
local word, t = verdict(token)
if word == 'answered' then return {'answered', t.answered, t.channel, t.operation} end
if word ~= 'open' then return {word} end
if t.beat == operation then return delivered_before(t.record, who) end

local how, entry = standing(t.record, who), entry_for(t, ARGV[6], ARGV[10], ARGV[11])
redis.call('HSET', base .. 'token:' .. token, 'beat', operation)
return deliver(t.record, how, entry, who)
