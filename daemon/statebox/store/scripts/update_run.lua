-- Change how a map run goes on: deliver that to its execution, and take the execution over when nobody holds it.
-- One step, as what is told of the run and what its execution is told must agree.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims, map run, inbox entry, then fields and values
-- Returns {'claimed', value} (parts/load.lua), {'told', id}, {'over'} when it has ended, or {'unknown'}

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/deliver.lua

local who, run, entry = who_at(3), base .. 'run:' .. ARGV[8], ARGV[9]
local status, id = unpack(redis.call('HMGET', run, 'status', 'execution'))
if not status then return {'unknown'} end
if status ~= 'RUNNING' then return {'over'} end
local record = record_of(id)
local how = standing(record, who)
if how == 'gone' or how == 'ended' then return {'over'} end
if how == 'ours' then return {'claimed', load(record, who.token)} end

for i = 10, #ARGV, 2 do
  redis.call('HSET', run, ARGV[i], ARGV[i + 1])
end
return deliver(record, how, entry, who)
