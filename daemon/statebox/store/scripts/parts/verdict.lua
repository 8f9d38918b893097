-- What can be said about a continuation: returns a word and its token hash.
-- unknown, answered, expired (its deadline has passed), closed (the execution went on or ends without it), open.
local function verdict(token)
  local f = redis.call('HMGET', base .. 'token:' .. token,
    'status', 'execution', 'task', 'deadline', 'operation', 'answered', 'channel', 'closed', 'beat', 'state')
  local t = {
    execution = f[2], task = f[3], deadline = tonumber(f[4] or ''), operation = f[5],
    answered = f[6], channel = f[7], closed = tonumber(f[8] or ''), beat = f[9],
    state = f[10],
  }
  if not f[1] then return 'unknown', t end
  if f[1] == 'answered' then return 'answered', t end
  if f[1] == 'closed' then
    return (t.deadline and t.closed >= t.deadline) and 'expired' or 'closed', t
  end
  if t.deadline and now >= t.deadline then return 'expired', t end
  t.record = record_of(t.execution)
  if t.record.status ~= 'RUNNING' or t.record.closing then return 'closed', t end
  return 'open', t
end

-- The inbox entry of an event for the continuation's task: `<format> <branch> <event>`, where `head` and `tail` are the
-- event's JSON before and after the task's address, which only the token knows.
local function entry_for(t, format, head, tail)
  local branch = string.match(t.task, '^(.*):[^:]*$') or ''
  return format .. ' ' .. branch .. ' ' .. head .. cjson.encode(t.task) .. tail
end
