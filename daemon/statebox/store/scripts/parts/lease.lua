-- Who may write an execution, and how it is taken over. `who` = {token, lease_ms, daemon, format, limit}, read by `who_at`.
-- A lease of 0 ms says that the daemon has no room: what it delivers is for others to take over.

local function who_at(at)
  return {
    token = ARGV[at],
    lease_ms = tonumber(ARGV[at + 1]),
    takes = ARGV[at + 1] ~= '0',
    daemon = ARGV[at + 2],
    format = tonumber(ARGV[at + 3]),
    limit = tonumber(ARGV[at + 4]),
  }
end

-- What somebody has broken by hand must not end the script, which does for others as well: it counts as 0.
local function number_in(field)
  return tonumber(field or 0) or 0
end

local function record_of(id)
  local key = base .. 'execution:' .. id
  local f = redis.call('HMGET', key,
    'status', 'lease', 'owner', 'claims', 'format', 'released', 'aside', 'closing', 'sequence')
  return {
    id = id, key = key,
    status = f[1], lease = f[2], owner = f[3], claims = number_in(f[4]), format = number_in(f[5]),
    released = f[6], aside = f[7], closing = f[8], sequence = number_in(f[9]),
  }
end

-- ours: a former try of this very call has taken it. newer: written in a format that the daemon does not know.
local function standing(record, who)
  if not record.status then return 'gone' end
  if record.status ~= 'RUNNING' then return 'ended' end
  if record.lease and record.lease == who.token then return 'ours' end
  if record.aside then return 'aside' end
  if record.lease then
    local due = redis.call('ZSCORE', base .. 'due', record.id)
    if due and tonumber(due) > now then return 'held' end
  end
  if record.format > who.format then return 'newer' end
  return 'free'
end

-- A history was a sorted set once, which takes three times the memory of a list. Those who still take it for one must
-- leave the execution alone from now on, and not only from its next step on.
local function make_list_of_history(record, format)
  local key = base .. 'history:' .. record.id
  if redis.call('TYPE', key).ok ~= 'zset' then return end
  local chunks = redis.call('ZRANGE', key, 0, -1)
  redis.call('DEL', key)
  for _, chunk in ipairs(chunks) do redis.call('RPUSH', key, chunk) end
  redis.call('HSET', record.key, 'format', format)
end

-- Take a free execution, or set it aside when it was claimed too often without a checkpoint. Returns whether it was taken.
local function grab(record, who)
  local claims = record.claims + 1
  if claims >= who.limit then
    redis.call('HSET', record.key, 'claims', claims, 'aside', '1')
    redis.call('HDEL', record.key, 'lease', 'owner', 'released')
    redis.call('ZADD', base .. 'aside', now, record.id)
    redis.call('ZREM', base .. 'due', record.id)
    if record.owner then redis.call('SREM', base .. 'held:' .. record.owner, record.id) end
    return false
  end
  make_list_of_history(record, who.format)
  redis.call('HSET', record.key, 'lease', who.token, 'owner', who.daemon, 'claims', claims)
  redis.call('ZADD', base .. 'due', now + who.lease_ms, record.id)
  if record.owner ~= who.daemon then
    if record.owner then redis.call('SREM', base .. 'held:' .. record.owner, record.id) end
    redis.call('SADD', base .. 'held:' .. who.daemon, record.id)
  end
  return true
end
