-- The children of a map run live on their parent's shard: their start, their end and their stop are one step with it.

-- More children than this are stopped by the scripts that come after (claim.lua), as others wait while one runs.
local MOST_STOPPED = 400

-- Whether the branch `place` of the parent waits for the child of this id: its name stands in the branch's record, and no
-- other child ever gets it.
local function is_wanted(parent, place, id)
  local status, waiting = unpack(redis.call('HMGET', base .. 'execution:' .. parent, 'status', 'b:' .. place))
  return status == 'RUNNING' and waiting and string.find(waiting, '"' .. string.match(id, '[^:]*$') .. '"', 1, true) ~= nil
end

-- Mark a child as closing and deliver its stop, as stop.lua does. Whoever holds it is told; else somebody takes it over.
local function stop_child(id, entry)
  local key = base .. 'execution:' .. id
  local status, closing, lease, aside = unpack(redis.call('HMGET', key, 'status', 'closing', 'lease', 'aside'))
  if status ~= 'RUNNING' or closing then return end
  redis.call('HSET', key, 'closing', 'its parent')
  redis.call('RPUSH', base .. 'inbox:' .. id, entry)
  if lease then
    redis.call('PUBLISH', channel('inbox'), id)
    return
  end
  if aside then
    redis.call('ZREM', base .. 'aside', id)
    redis.call('HDEL', key, 'aside', 'claims')
  end
  redis.call('ZADD', base .. 'due', now, id)
end

local function tell_of_due()
  redis.call('PUBLISH', channel('due'), string.match(base, '{(%d+)}:$'))
end

-- Stop the children of the ids ARGV[first] to ARGV[last]; those that are too many are left in the list `stops`.
local function stop_children(first, last, entry)
  if last < first then return end
  for i = first, last do
    if i - first < MOST_STOPPED then
      stop_child(ARGV[i], entry)
    else
      redis.call('RPUSH', base .. 'stops', ARGV[i], entry)
    end
  end
  tell_of_due()
end

-- Stop children that were too many for the step that had to, at most so many. Returns how many are still left.
local function stop_those_left(most)
  local left = redis.call('LPOP', base .. 'stops', 2 * most)
  if not left then return 0 end
  for i = 1, #left, 2 do
    stop_child(left[i], left[i + 1])
  end
  return redis.call('LLEN', base .. 'stops') / 2
end
