-- Stop an execution: from now on its continuations refuse answers; the stop is delivered, and the execution taken over when
-- nobody holds it.
-- One step, as an answer is either accepted before the stop or refused after it.
-- One that was set aside gets one more try, as what it failed on may not be needed to end it.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims, id, operation, inbox entry
-- Returns {'claimed', value} (parts/load.lua), {'told', id}, {'ended', when (ms)} or {'unknown'}

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/deliver.lua

local who, id, operation, entry = who_at(3), ARGV[8], ARGV[9], ARGV[10]
local record = record_of(id)
local how = standing(record, who)
if how == 'gone' then return {'unknown'} end
if how == 'ended' then return {'ended', redis.call('HGET', record.key, 'stopped')} end
if record.closing then
  if how == 'free' and who.takes and record.closing ~= operation then
    local value = load(record, who.token)
    if grab(record, who) then return {'claimed', value} end
  end
  return delivered_before(record, who)
end

redis.call('HSET', record.key, 'closing', operation)
if how == 'aside' then
  redis.call('ZREM', base .. 'aside', id)
  redis.call('HDEL', record.key, 'aside')
  record.claims = math.max(0, who.limit - 2)
  redis.call('HSET', record.key, 'claims', record.claims)
  how = record.format > who.format and 'newer' or 'free'
end
return deliver(record, how, entry, who)
