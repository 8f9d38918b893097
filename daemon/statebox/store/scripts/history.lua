-- Read those chunks of an execution's history that hold the events wanted. Changes nothing.
-- One step, as finding the first of them takes many reads: chunks have no index, but follow each other by their ids.
--
-- KEYS[1] due
-- ARGV    base, now, id, first event, last event
-- Returns {1 when there is such an execution, chunks}

--!include parts/base.lua

local id, lowest, highest = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('EXISTS', base .. 'execution:' .. id) == 0 then return {0, {}} end

local key = base .. 'history:' .. id
-- One that was begun as a sorted set stays so until somebody takes the execution over (parts/lease.lua).
local is_list = redis.call('TYPE', key).ok ~= 'zset'

local function chunk_at(place)
  if is_list then return redis.call('LINDEX', key, place) end
  return redis.call('ZRANGE', key, place, place)[1]
end

local function first_event_of(chunk)
  return tonumber(string.match(chunk, '^%[%d+,(%d+),'))
end

-- The last chunk that begins at or before the first event: ids have no gaps.
local count = is_list and redis.call('LLEN', key) or redis.call('ZCARD', key)
local from, to = 0, count - 1
while from < to do
  local middle = math.ceil((from + to) / 2)
  if first_event_of(chunk_at(middle)) <= lowest then from = middle else to = middle - 1 end
end

local found = {}
for place = from, count - 1 do
  local chunk = chunk_at(place)
  if first_event_of(chunk) > highest then break end
  found[#found + 1] = chunk
end
return {1, found}
