-- Let an execution that ended without success go on: write the first step of its redrive, and leave it to the daemon that
-- took the request. It is kept again for as long as it runs, and counted among those that run.
-- One step, as of two who redrive it only one may, and it must stand in one index and be forgotten once.
--
-- KEYS[1] due
-- ARGV    base, now, id, operation, what it was released with when it was read, head, redrives, when (ms),
--         for a map run's child the parent and the branch of it that waits ('' for others), then the step (parts/write_step.lua)
-- Returns {'started', when (ms), 'kept' or 'given', tokens of continuations that were answered early (nil for none)}
--         {'existing', when (ms)}: the same operation redrove it before
--         {'unwanted'}: nothing was done, as its parent does not wait for it any more
--         {'moved'}: nothing was done, as it is not as it was read
--         {'unknown'}: there is no such execution

--!include parts/base.lua
--!include parts/children.lua
--!include parts/write_step.lua

local id, operation, fence, head, redrives, at_ms = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local parent, place = ARGV[9], ARGV[10]
local step = read_step(11)
local key = base .. 'execution:' .. id

local status, released, lease, former, redriven, definition = unpack(
  redis.call('HMGET', key, 'status', 'released', 'lease', 'redrive', 'redriven', 'definition'))
if not status then return {'unknown'} end
if former == operation then
  if lease == step.token then return {'started', redriven, 'kept', answered_of(step)} end
  if released == step.token .. ':' .. step.sequence then return {'started', redriven, 'given'} end
  return {'existing', redriven}
end
if status == 'RUNNING' or released ~= fence then return {'moved'} end
if parent ~= '' and not is_wanted(parent, place, id) then return {'unwanted'} end

redis.call('PERSIST', key)
redis.call('PERSIST', base .. 'history:' .. id)
redis.call('ZREM', base .. 'retention', retention_member(id, step, status, definition))
redis.call('ZREM', base .. 'index:s:' .. status .. ':' .. step.machine, id)
redis.call('HDEL', key, 'stopped', 'closing', 'claims', 'released')
local fields = {'head', head, 'redrive', operation, 'redrives', redrives, 'redriven', at_ms}
each_run(id, 'PERSIST')
local how, _, used = write_step(id, step, definition, nil, fields, status)
return {'started', at_ms, how, used}
