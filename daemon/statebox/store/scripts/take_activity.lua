-- Take an activity's task for a worker, once and for all, and deliver that it was taken.
-- One step, as no task may be handed out twice, and none whose execution does not wait for it any more.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims,
--         continuation, operation, head and tail of the event's JSON
-- Returns {'claimed', value} (parts/load.lua) or {'told', id}; to a repeated operation the same again
--         {'taken'} by somebody else, or why nobody gets it any more (parts/verdict.lua)

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/deliver.lua
--!include parts/verdict.lua

local who, token, operation = who_at(3), ARGV[8], ARGV[9]
local word, t = verdict(token)
if word ~= 'open' then return {word} end
local key = base .. 'token:' .. token
local taken = redis.call('HGET', key, 'taken')
if taken == operation then return delivered_before(t.record, who) end
if taken then return {'taken'} end

local how, entry = standing(t.record, who), entry_for(t, ARGV[6], ARGV[10], ARGV[11])
redis.call('HSET', key, 'taken', operation)
return deliver(t.record, how, entry, who)
