-- Write one step of an execution: what start and checkpoint have in common. ARGV from `at` on:
--   token, sequence, lease_ms, daemon, format, release ('1' or ''), due_ms ('' for none), retention_ms,
--   status, stopped_ms ('' for none), machine, started_ms, state, consumed, chunk of history ('' for none),
--   parent to be told of the end ('' for none) and its inbox entry, inbox entry of a stop, for a map
--   run's child the run and how many of its items it works on ('' and 1 for others); then eight lists, each led by the number of its values:
--   fields (name, value), removed (branch), opened (token, task, state, since_ms, deadline_ms or ''), closed (token),
--   deadlines (branch, ms or ''), stopped (ids of children that nobody waits for any more), letters (to executions of other
--   shards: each stays in the outbox until it has arrived there), runs (map run, field, value).

-- unpack is safe up to some thousands of values.
local AT_ONCE = 500

local function read_step(at)
  local step = {
    token = ARGV[at], sequence = tonumber(ARGV[at + 1]), lease_ms = tonumber(ARGV[at + 2]), daemon = ARGV[at + 3],
    format = ARGV[at + 4], release = ARGV[at + 5] == '1', due_ms = tonumber(ARGV[at + 6]),
    retention_ms = tonumber(ARGV[at + 7]), status = ARGV[at + 8], stopped_ms = ARGV[at + 9], machine = ARGV[at + 10],
    started_ms = ARGV[at + 11], state = ARGV[at + 12], consumed = tonumber(ARGV[at + 13]),
    chunk = ARGV[at + 14], parent = ARGV[at + 15], entry = ARGV[at + 16], stop_entry = ARGV[at + 17],
    run = ARGV[at + 18], items = ARGV[at + 19],
  }
  local place = at + 20
  for _, list in ipairs({'fields', 'removed', 'opened', 'closed', 'deadlines', 'stopped', 'letters', 'runs'}) do
    local count = tonumber(ARGV[place])
    step[list] = {first = place + 1, last = place + count}
    place = place + count + 1
  end
  step.ended = step.status ~= 'RUNNING'
  return step
end

local function in_groups(values, call)
  for first = 1, #values, AT_ONCE do
    call(unpack(values, first, math.min(first + AT_ONCE - 1, #values)))
  end
end

local function remove_branches(key, step)
  local names = {}
  for i = step.removed.first, step.removed.last do
    names[#names + 1] = 'b:' .. ARGV[i]
    names[#names + 1] = 'i:' .. ARGV[i]
  end
  in_groups(names, function(...) redis.call('HDEL', key, ...) end)
end

local function write_deadlines(id, step)
  local timers, added, removed = base .. 'timers:' .. id, {}, {}
  for i = step.deadlines.first, step.deadlines.last, 2 do
    if ARGV[i + 1] == '' then
      removed[#removed + 1] = ARGV[i]
    else
      added[#added + 1] = ARGV[i + 1]
      added[#added + 1] = ARGV[i]
    end
  end
  for i = step.removed.first, step.removed.last do
    removed[#removed + 1] = ARGV[i]
  end
  in_groups(added, function(...) redis.call('ZADD', timers, ...) end)
  in_groups(removed, function(...) redis.call('ZREM', timers, ...) end)
end

-- Where an answer came before the state was entered, its continuation is answered from the start: the entry is in the
-- inbox in the very step that enters the state. Returns the tokens of these, nil where there is none.
local function use_early_answers(id, step)
  local early, used = base .. 'early:' .. id, nil
  if step.opened.last < step.opened.first or redis.call('EXISTS', early) == 0 then return used end
  for i = step.opened.first, step.opened.last, 5 do
    local token, task, path = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local key, found = base .. 'token:' .. token, redis.call('HGET', early, path)
    if found and string.sub(found, 1, 1) == '{' and redis.call('EXISTS', key) == 0 then
      local kept = cjson.decode(found)
      redis.call('HSET', key, 'status', 'answered', 'execution', id, 'task', task, 'state', path, 'since', ARGV[i + 3],
        'deadline', ARGV[i + 4], 'operation', kept.operation, 'answered', kept.at, 'channel', kept.by, 'kept', '1')
      redis.call('PEXPIRE', key, step.retention_ms)
      redis.call('HSET', early, path, token)
      redis.call('RPUSH', base .. 'inbox:' .. id, table.concat({
        kept.format, ' ', string.match(task, '^(.*):[^:]*$') or '', ' ', kept.head, cjson.encode(task), kept.middle,
        kept.with_token == '1' and cjson.encode(token) .. ']' or ''}))
      used = used or {}
      used[#used + 1] = token
    end
  end
  return used
end

-- Of the continuations that a step opened, those that are answered by now; nil where there is none.
local function answered_of(step)
  local answered
  for i = step.opened.first, step.opened.last, 5 do
    if redis.call('HGET', base .. 'token:' .. ARGV[i], 'status') == 'answered' then
      answered = answered or {}
      answered[#answered + 1] = ARGV[i]
    end
  end
  return answered
end

local function open_continuations(id, step)
  for i = step.opened.first, step.opened.last, 5 do
    local token, since, deadline = ARGV[i], ARGV[i + 3], ARGV[i + 4]
    local key = base .. 'token:' .. token
    -- One that is opened again has got a new deadline; an answer that came meanwhile stands.
    local status = redis.call('HGET', key, 'status')
    if not status or status == 'waiting' then
      redis.call('HSET', key, 'status', 'waiting', 'execution', id, 'task', ARGV[i + 1], 'state', ARGV[i + 2],
        'since', since, 'deadline', deadline)
      redis.call('ZADD', base .. 'waiting', since, token)
      if deadline == '' then
        redis.call('SET', base .. 'continuation:' .. token, id)
      else
        redis.call('SET', base .. 'continuation:' .. token, id, 'PX', text(math.max(1, tonumber(deadline) - now)))
      end
    end
  end
end

local function close_continuations(step)
  for i = step.closed.first, step.closed.last do
    local token = ARGV[i]
    local key = base .. 'token:' .. token
    if redis.call('HGET', key, 'status') == 'waiting' then
      redis.call('HSET', key, 'status', 'closed', 'closed', text(now))
      redis.call('PEXPIRE', key, step.retention_ms)
      redis.call('DEL', base .. 'continuation:' .. token)
      redis.call('ZREM', base .. 'waiting', token)
    end
  end
end

-- Whoever wrote the step delivers its letters; when that is not done within a lease, somebody else does.
local function post_letters(step)
  for i = step.letters.first, step.letters.last do
    redis.call('ZADD', base .. 'outbox', now + step.lease_ms, ARGV[i])
  end
end

-- A child of a map run answers its parent, which lives on the same shard, in the very step that ends it.
local function tell_parent(id, step)
  if not is_wanted(step.parent, string.match(step.entry, '^%d+ (%S*) '), id) then return end
  local key = base .. 'execution:' .. step.parent
  local status, lease, aside = unpack(redis.call('HMGET', key, 'status', 'lease', 'aside'))
  if status ~= 'RUNNING' then return end
  redis.call('RPUSH', base .. 'inbox:' .. step.parent, step.entry)
  if lease then
    redis.call('PUBLISH', channel('inbox'), step.parent)
  elseif not aside then
    redis.call('ZADD', base .. 'due', now, step.parent)
    redis.call('PUBLISH', channel('due'), string.match(base, '{(%d+)}:$'))
  end
end

-- What the sweep needs to know about an execution that ended with a status.
local function retention_member(id, step, status, definition)
  return table.concat({step.started_ms, status, definition, string.len(step.machine), id}, ' ')
end

-- What is new about the map runs of an execution.
local function write_runs(id, step)
  for i = step.runs.first, step.runs.last, 3 do
    local run = base .. 'run:' .. ARGV[i]
    if redis.call('EXISTS', run) == 0 then
      redis.call('HSET', run, 'execution', id)
      redis.call('RPUSH', base .. 'runs:' .. id, ARGV[i])
    end
    redis.call('HSET', run, ARGV[i + 1], ARGV[i + 2])
  end
end

-- Count a child of a map run, and its items, under its new status and no more under its former one (nil: it is new).
local function count_in_run(step, former)
  local run = base .. 'run:' .. step.run
  if step.run == '' or former == step.status or redis.call('EXISTS', run) == 0 then return end
  if former then
    redis.call('HINCRBY', run, 'n:' .. former, -1)
    redis.call('HINCRBY', run, 'i:' .. former, -step.items)
  end
  redis.call('HINCRBY', run, 'n:' .. step.status, 1)
  redis.call('HINCRBY', run, 'i:' .. step.status, step.items)
end

-- The keys of an execution's map runs live as long as it does.
local function each_run(id, call, ...)
  local runs = redis.call('LRANGE', base .. 'runs:' .. id, 0, -1)
  for _, run in ipairs(runs) do
    redis.call(call, base .. 'run:' .. run, ...)
  end
  if #runs > 0 then redis.call(call, base .. 'runs:' .. id, ...) end
end

-- Nothing can happen to it any more: only what reading and forgetting need is kept, and for a time only.
local function finish(id, key, step, definition, former)
  redis.call('PEXPIRE', key, step.retention_ms)
  redis.call('PEXPIRE', base .. 'history:' .. id, step.retention_ms)
  each_run(id, 'PEXPIRE', step.retention_ms)
  redis.call('ZADD', base .. 'retention', now + step.retention_ms, retention_member(id, step, step.status, definition))
  if former then
    redis.call('DEL', base .. 'inbox:' .. id, base .. 'timers:' .. id)
    redis.call('ZREM', base .. 'due', id)
  end
end

local function park(id, step, former)
  local first = redis.call('ZRANGE', base .. 'timers:' .. id, 0, 0, 'WITHSCORES')[2]
  local due = step.due_ms
  if first and (not due or tonumber(first) < due) then due = tonumber(first) end
  if due then
    redis.call('ZADD', base .. 'due', due, id)
  elseif former then
    redis.call('ZREM', base .. 'due', id)
  end
end

-- `former` is the record as it was before, nil when the execution is new or redriven; `fields` are names and values to
-- write with it; `redriven_from` is the status that it is redriven from.
-- Returns 'kept' or 'given' (the lease), how many entries wait in the inbox, and of the continuations that it opens those
-- that were answered early (nil where there is none). An execution with something in its inbox is not parked: its owner
-- has to look first.
local function write_step(id, step, definition, former, fields, redriven_from)
  local key = base .. 'execution:' .. id
  local function field(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end

  local waiting = 0
  if former and not step.ended then
    waiting = math.max(0, redis.call('LLEN', base .. 'inbox:' .. id) - step.consumed)
  end
  local used = not step.ended and use_early_answers(id, step) or nil
  if used then waiting = waiting + #used end
  local kept = not step.ended and (not step.release or waiting > 0)
  field('state', step.state)
  field('sequence', step.sequence)
  field('status', step.status)
  field('format', step.format)
  if not kept then
    -- What a repeated call is recognised by, once the lease is gone.
    field('released', step.token .. ':' .. step.sequence)
  elseif not former then
    field('lease', step.token)
    field('owner', step.daemon)
  end
  if step.ended then field('stopped', step.stopped_ms) end
  for i = step.fields.first, step.fields.last do
    fields[#fields + 1] = ARGV[i]
  end
  in_groups(fields, function(...) redis.call('HSET', key, ...) end)

  if step.chunk ~= '' then redis.call('RPUSH', base .. 'history:' .. id, step.chunk) end
  if step.consumed > 0 then
    redis.call('LTRIM', base .. 'inbox:' .. id, step.consumed, -1)
  end
  remove_branches(key, step)
  write_deadlines(id, step)
  open_continuations(id, step)
  close_continuations(step)
  stop_children(step.stopped.first, step.stopped.last, step.stop_entry)
  post_letters(step)
  write_runs(id, step)
  count_in_run(step, redriven_from or former and 'RUNNING')

  if not former or step.ended then
    redis.call('ZADD', base .. 'index:s:' .. step.status .. ':' .. step.machine, step.started_ms, id)
  end
  if former and step.ended then
    redis.call('ZREM', base .. 'index:s:RUNNING:' .. step.machine, id)
  end

  if kept then
    redis.call('ZADD', base .. 'due', now + step.lease_ms, id)
    if not former then
      redis.call('SADD', base .. 'held:' .. step.daemon, id)
    elseif former.claims > 0 then
      redis.call('HDEL', key, 'claims')
    end
    return 'kept', waiting, used
  end

  if step.ended then
    finish(id, key, step, definition, former)
    if step.parent ~= '' then tell_parent(id, step) end
  else
    park(id, step, former)
  end
  if former then
    redis.call('HDEL', key, 'lease', 'owner', 'claims')
    redis.call('SREM', base .. 'held:' .. former.owner, id)
    -- Nobody can wait for one that was not there before.
    redis.call('PUBLISH', channel('parked'), id)
  end
  return 'given', 0
end
