-- Answer a state of an execution by its path: the continuation that waits there, or else keep the answer until the state
-- is entered (parts/write_step.lua uses it then).
-- One step, as the execution may be started and the state entered at any moment: the answer is taken, kept, or refused.
-- Under a path stands what is kept for it, an object in JSON, or the continuation that was answered there last.
--
-- KEYS[1] due
-- ARGV    base, now, lease token, lease_ms, daemon, format, limit of claims,
--         id, path, the branch that it names, that branch's record as it was read ('' for none), the continuation that
--         waits there according to it ('' for none), operation, channel,
--         the event's JSON before the task's address, and behind it up to the continuation, '1' when it names that,
--         retention_ms
-- Returns {'claimed', value} (parts/load.lua) or {'told', id}: answered; to a repeated operation the same again
--         {'kept', when (ms)}: kept until the state is entered; the same to a repeated operation, also once it was used
--         {'moved'}: nothing was done, as the branch has moved on; read it again
--         {'over', the operation that was first or ''}: the execution has ended or is about to
--         {'expired'}: the state's deadline has passed
--         {'answered', when (ms), by which channel, by which operation, 'kept' or 'taken'}: another answer was first
--         {'full'}: too many answers are kept for this execution

--!include parts/base.lua
--!include parts/lease.lua
--!include parts/load.lua
--!include parts/deliver.lua
--!include parts/verdict.lua
--!include parts/take.lua

-- Nobody can be asked more questions in one execution than its history has events.
local MOST_KEPT = 25000

local who, id, path, branch, seen, token = who_at(3), ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local operation, by, head, middle, with_token, retention_ms = ARGV[13], ARGV[14], ARGV[15], ARGV[16], ARGV[17], ARGV[18]
local early = base .. 'early:' .. id
local record = record_of(id)

local former = redis.call('HGET', early, path)
local kept = former and string.sub(former, 1, 1) == '{' and cjson.decode(former)
local first = kept
if former and not kept then
  local f = redis.call('HMGET', base .. 'token:' .. former, 'answered', 'channel', 'operation', 'kept')
  first = {at = f[1], by = f[2], operation = f[3], was_kept = f[4]}
end
if first and first.operation == operation then
  if kept or first.was_kept then return {'kept', first.at} end
  return delivered_before(record, who)
end

if record.status and (record.status ~= 'RUNNING' or record.closing) then
  return {'over', first and first.operation or ''}
end
if (redis.call('HGET', record.key, 'b:' .. branch) or '') ~= seen then return {'moved'} end

if token ~= '' then
  local word, t = verdict(token)
  if word == 'open' then
    local how = standing(record, who)
    local tail = with_token == '1' and middle .. cjson.encode(token) .. ']' or middle
    local entry = entry_for(t, ARGV[6], head, tail)
    take(token, path, id, operation, by, retention_ms)
    return deliver(record, how, entry, who)
  end
  if word == 'answered' then
    if t.operation == operation then return delivered_before(record, who) end
    return {'answered', t.answered, t.channel, t.operation, 'taken'}
  end
  if word == 'expired' then return {word} end
  return {'over', ''}
end

if first and first.at then
  return {'answered', first.at, first.by, first.operation, kept and 'kept' or 'taken'}
end
if not former and redis.call('HLEN', early) >= MOST_KEPT then return {'full'} end
redis.call('HSET', early, path, cjson.encode({
  operation = operation, by = by, at = text(now), format = ARGV[6], head = head, middle = middle,
  with_token = with_token,
}))
redis.call('PEXPIRE', early, retention_ms)
return {'kept', text(now)}
