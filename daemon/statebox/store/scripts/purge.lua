-- Forget executions before their retention has passed: those of the ids that have ended, long enough ago.
-- One step for each, as one that runs (its name may have been taken again since it was listed) must be left alone, and
-- the child of a map run until its parent has ended: a parent whose daemon dies starts again what it finds no trace of.
--
-- KEYS[1] due
-- ARGV    base, now, before when they must have ended (ms), then the ids, at most 100
-- Returns how many of them are gone, those included that were gone before, as a former try of this call may have been it

--!include parts/base.lua
--!include parts/forget.lua

local function is_over(id)
  local status = redis.call('HGET', base .. 'execution:' .. id, 'status')
  return status ~= 'RUNNING'
end

local gone = 0
for i = 4, #ARGV do
  local id = ARGV[i]
  local status, stopped, definition, head = unpack(
    redis.call('HMGET', base .. 'execution:' .. id, 'status', 'stopped', 'definition', 'head'))
  if not status then
    gone = gone + 1
  elseif status ~= 'RUNNING' and tonumber(stopped) and tonumber(stopped) <= tonumber(ARGV[3]) then
    local machine = string.match(id, '^(.*):')
    -- Only the name of a map run's child has a slash; the 13th member of its head is its parent (codec.py).
    local parent = string.find(machine, '/', 1, true) and cjson.decode(head)[13]
    local started = redis.call('ZSCORE', base .. 'index', id)
    local member = started and table.concat({text(started), status, definition, string.len(machine), id}, ' ')
    if member and redis.call('ZSCORE', base .. 'retention', member) and (not parent or is_over(parent)) then
      forget(member)
      gone = gone + 1
    end
  end
end
return gone
