-- Take over one execution, when nobody holds it and something waits in its inbox.
-- One step, as two daemons must never both take it.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims, id
-- Returns {value} (parts/load.lua), or {} when it was not taken

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua

local who, record = who_at(3), record_of(ARGV[8])
local how = standing(record, who)
if how == 'ours' then return {load(record, who.token)} end
if how ~= 'free' or redis.call('LLEN', base .. 'inbox:' .. record.id) == 0 then return {} end
local value = load(record, who.token)
if grab(record, who) then return {value} end
return {}
