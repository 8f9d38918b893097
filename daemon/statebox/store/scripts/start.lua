-- Start an execution: create it, write its first step, and leave it to the daemon that took the request.
-- One step, as a name must be taken once, and an acknowledged start must be found by everybody.
--
-- KEYS[1] due
-- ARGV    base, now, id, operation, definition hash, definition text ('' when it should be there), head, input,
--         for a map run's child the parent and the branch of it that waits ('' for others), the version and the alias that
--         it is started by ('' for none), then the step (parts/write_step.lua)
-- Returns {'started', started_ms, 'kept' or 'given', tokens of continuations that were answered early (nil for none)}
--         {'existing', started_ms, the operation that started it}: it runs with the same input, or is of the same operation
--         {'exists', the operation that started it}: the name is taken
--         {'unwanted'}: nothing was done, as its parent does not wait for it any more
--         {'definition'}: nothing was done, as the definition's text is not there; ask again with it

--!include parts/base.lua
--!include parts/children.lua
--!include parts/write_step.lua

local id, operation, hash, definition_text, head, input = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local parent, place = ARGV[9], ARGV[10]
local qualified = ARGV[11]
local step = read_step(12)
local key = base .. 'execution:' .. id

local status, same_input, same_operation, lease, released = unpack(
  redis.call('HMGET', key, 'status', 'input', 'operation', 'lease', 'released'))
if status then
  local started_ms = redis.call('ZSCORE', base .. 'index', id)
  if same_operation == operation then
    if lease == step.token then return {'started', started_ms, 'kept', answered_of(step)} end
    if released == step.token .. ':' .. step.sequence then return {'started', started_ms, 'given'} end
    return {'existing', started_ms, same_operation}
  end
  if status == 'RUNNING' and same_input == input then return {'existing', started_ms, same_operation} end
  return {'exists', same_operation}
end

if parent ~= '' and not is_wanted(parent, place, id) then return {'unwanted'} end

local definition = base .. 'definition:' .. hash
if definition_text == '' then
  if redis.call('EXISTS', definition) == 0 then return {'definition'} end
  redis.call('HINCRBY', definition, 'users', 1)
else
  redis.call('HSET', definition, 'text', definition_text)
  redis.call('HINCRBY', definition, 'users', 1)
end
if redis.call('ZADD', base .. 'index', step.started_ms, id) == 0 then
  -- Its namesake's retention has passed, but the sweep has not come by: nothing of it may be taken for ours.
  redis.call('DEL', base .. 'history:' .. id, base .. 'inbox:' .. id, base .. 'timers:' .. id, base .. 'runs:' .. id)
end
redis.call('SADD', base .. 'machines', step.machine)
local fields = {'head', head, 'input', input, 'operation', operation, 'definition', hash}
if qualified ~= '' then
  fields[#fields + 1] = 'qualified'
  fields[#fields + 1] = qualified
  for qualifier in string.gmatch(qualified, '%S+') do
    redis.call('SADD', base .. 'qualifiers:' .. step.machine, qualifier)
    redis.call('ZADD', base .. 'index:q:' .. step.machine .. ':' .. qualifier, step.started_ms, id)
  end
end
local how, _, used = write_step(id, step, hash, nil, fields)
return {'started', step.started_ms, how, used}
