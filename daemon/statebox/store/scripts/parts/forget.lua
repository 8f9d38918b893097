local function indices_of(machine)
  local indices = {}
  for _, status in ipairs({'RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'}) do
    indices[#indices + 1] = base .. 'index:s:' .. status .. ':' .. machine
  end
  return indices
end

-- Of those that were started by a version or an alias.
local function forget_qualified(machine, id, started)
  local qualifiers = base .. 'qualifiers:' .. machine
  for _, qualifier in ipairs(redis.call('SMEMBERS', qualifiers)) do
    local index = base .. 'index:q:' .. machine .. ':' .. qualifier
    -- A namesake that was started since stands there with another time.
    local found = redis.call('ZSCORE', index, id)
    if found and tonumber(found) == tonumber(started) then redis.call('ZREM', index, id) end
    if redis.call('EXISTS', index) == 0 then redis.call('SREM', qualifiers, qualifier) end
  end
end

-- Forget an execution that has ended, by its member of `retention`: its keys, its places in the indices, its use of a
-- definition. Its continuations are left their TTL, so that whoever answers one late is told what became of it.
local function forget(member)
  local started, status, definition, length, id = string.match(member, '^(%d+) (%S+) (%S+) (%d+) (.*)$')
  if not id then
    -- Nobody knows whose it is: out of the way of those behind it, and there for whoever wants to look.
    redis.call('ZADD', base .. 'retention', '+inf', member)
    return
  end
  local machine = string.sub(id, 1, tonumber(length))
  local by_status = base .. 'index:s:' .. status .. ':' .. machine
  local current = redis.call('ZSCORE', base .. 'index', id)
  if current and tonumber(current) == tonumber(started) then
    for _, run in ipairs(redis.call('LRANGE', base .. 'runs:' .. id, 0, -1)) do
      redis.call('UNLINK', base .. 'run:' .. run)
    end
    redis.call('UNLINK', base .. 'runs:' .. id)
    if redis.call('UNLINK', base .. 'execution:' .. id, base .. 'history:' .. id) > 0 then
      -- Else they have expired, as what was answered in it has, and what is kept by now is for its namesake to come.
      redis.call('UNLINK', base .. 'early:' .. id)
    end
    redis.call('ZREM', base .. 'index', id)
    redis.call('ZREM', by_status, id)
    if redis.call('EXISTS', unpack(indices_of(machine))) == 0 then
      redis.call('SREM', base .. 'machines', machine)
    end
  elseif redis.call('HGET', base .. 'execution:' .. id, 'status') ~= status then
    -- A namesake was started since: everything else under the name is its.
    redis.call('ZREM', by_status, id)
  end
  forget_qualified(machine, id, started)
  if redis.call('HINCRBY', base .. 'definition:' .. definition, 'users', -1) <= 0 then
    redis.call('DEL', base .. 'definition:' .. definition)
  end
  redis.call('ZREM', base .. 'retention', member)
end
