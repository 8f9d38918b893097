-- Write a step of an execution that the daemon owns, and perhaps give the lease back.
-- One step, as the fence, the value, its history, its continuations and when it is due must never disagree, and a child
-- that nobody waits for any more must be stopped whatever becomes of its parent's daemon.
-- The fence is the lease's random token; the sequence tells a repeated call, which gets the first reply again.
--
-- KEYS[1] due
-- ARGV    base, now, id, then the step (parts/write_step.lua) with the sequence that it will have
-- Returns {'kept', entries in the inbox, tokens of opened continuations that are answered (nil for none)}: written; the
--         lease goes on (also when it was to be given back, but the inbox is not empty)
--         {'given', 0}: written, the lease was given back or the execution has ended
--         {'lost'}: nothing was written, another daemon owns it
--         {'answered', token}: nothing was written, as the step would close a continuation that was answered before

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/children.lua
--!include parts/write_step.lua

local id = ARGV[3]
local step = read_step(4)
local record = record_of(id)

if record.lease and record.lease == step.token then
  if record.sequence == step.sequence then
    return {'kept', redis.call('LLEN', base .. 'inbox:' .. id), answered_of(step)}
  end
  if record.sequence ~= step.sequence - 1 then return {'lost'} end
elseif record.released and record.released == step.token .. ':' .. step.sequence then
  return {'given', 0}
else
  return {'lost'}
end

for i = step.closed.first, step.closed.last do
  if redis.call('HGET', base .. 'token:' .. ARGV[i], 'status') == 'answered' then
    return {'answered', ARGV[i]}
  end
end
local definition = step.ended and redis.call('HGET', record.key, 'definition')
return {write_step(id, step, definition, record, {})}
