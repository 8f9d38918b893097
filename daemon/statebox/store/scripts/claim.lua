-- Take over what is due in a shard: `due` becomes the end of the lease, a fresh token fences the former owner.
-- One step, as two daemons must never both take an execution.
-- Children that were too many for the step that was to stop them are stopped before.
-- A value of which a part has the wrong type is taken as well, without the value, and so set aside in the end; where it
-- is none at all, at once.
-- What was taken is noted for the time of a lease, so that a repeated call gets the same executions and not others.
--
-- KEYS[1] due
-- ARGV    base, now, nonce of this call, lease_ms, daemon, format, limit of claims, how many, how many to pass over
-- Returns {values (parts/load.lua), ids that were set aside, when something is due next (ms, nil for never),
--          how many were passed over as their format is newer, 1 when more than was looked at may be due, how many children are left to be stopped}

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/children.lua

local who, count, offset = who_at(3), tonumber(ARGV[8]), tonumber(ARGV[9])
local nonce = who.token
local due = base .. 'due'
local values, aside, newer = {}, {}, 0

local function next_due()
  local first = redis.call('ZRANGEBYSCORE', due, '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return first[2] and tonumber(first[2]) or false
end

local left = stop_those_left(math.max(0, 500 - count))
local noted = redis.call('GET', base .. 'claimed:' .. nonce)
if noted then
  for i, id in ipairs(cjson.decode(noted)) do
    who.token = nonce .. '.' .. i
    local record = record_of(id)
    if standing(record, who) == 'ours' then
      local readable, value = pcall(load, record, who.token)
      if readable then values[#values + 1] = value end
    end
  end
  return {values, aside, next_due(), 0, 0, left}
end

local ids, taken = redis.call('ZRANGEBYSCORE', due, '-inf', text(now), 'LIMIT', offset, count), {}
for _, id in ipairs(ids) do
  who.token = nonce .. '.' .. #taken + 1
  local whole, record = pcall(record_of, id)
  local how = whole and standing(record, who) or 'broken'
  -- What a former try of this very call took and nobody knows of any more, as the note is gone with the lease, is free
  -- again: it must not fall out of `due`.
  if how == 'free' or how == 'ours' then
    local readable, value = false, nil
    if record.claims + 1 < who.limit then readable, value = pcall(load, record, who.token) end
    if grab(record, who) then
      taken[#taken + 1] = id
      if readable then values[#values + 1] = value end
    else
      aside[#aside + 1] = id
    end
  elseif how == 'newer' then
    newer = newer + 1
  elseif how == 'broken' then
    redis.call('ZADD', base .. 'aside', now, id)
    redis.call('ZREM', due, id)
    aside[#aside + 1] = id
  else
    redis.call('ZREM', due, id)
  end
end
if #taken > 0 then
  redis.call('SET', base .. 'claimed:' .. nonce, cjson.encode(taken), 'PX', who.lease_ms)
end
local more = #ids == count
return {values, aside, more and now or next_due(), newer, more and 1 or 0, left}
