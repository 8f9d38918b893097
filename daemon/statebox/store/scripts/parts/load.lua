-- The value of an execution as a claim returns it: {id, lease token, 1 when whole, fields and values, inbox}.
-- One that was parked and has many branches is loaded in part: the root and the ways to what happened, as reading all
-- would make 10,000 answers to 10,000 branches cost 100,000,000 reads. One whose owner died is loaded whole, as calls may
-- have been in flight anywhere.

-- A branch has two fields, and there are at most 20 that belong to none: whole up to 64 branches.
local MOST_FIELDS_WHOLE = 2 * 64 + 20
-- More deadlines than this at once are left for the next claim.
local MOST_TIMERS = 500
local FIELDS_PER_READ = 500
-- More of the inbox is fetched by the owner, bit by bit.
local MOST_ENTRIES = 500
-- Larger than this (bytes), the input and what a branch above has is left where it is: the items of a Map are as many as
-- its branches, and who answers one of them needs none. The owner reads it where it does.
local LARGE = 4096

local function load(record, token)
  local inbox = redis.call('LRANGE', base .. 'inbox:' .. record.id, 0, MOST_ENTRIES - 1)
  local parked = record.released and not record.lease
  if not parked or redis.call('HLEN', record.key) <= MOST_FIELDS_WHOLE then
    return {record.id, token, 1, redis.call('HGETALL', record.key), inbox}
  end

  local names, known = {'head', 'state', 'definition', 'sequence'}, {}
  local function want_field(name)
    if not known[name] then
      known[name] = true
      names[#names + 1] = name
    end
  end
  local function want_if_small(name)
    if not known[name] and redis.call('HSTRLEN', record.key, name) <= LARGE then want_field(name) end
  end
  local function want(branch)
    if branch ~= '' then want_field('i:' .. branch) end
    while branch ~= '' and not known['b:' .. branch] do
      want_field('b:' .. branch)
      branch = string.match(branch, '^(.*)%.[^.]*$') or ''
      if branch ~= '' then want_if_small('i:' .. branch) end
    end
  end
  want_if_small('input')
  want_if_small('i:0')
  want_field('b:0')
  for _, entry in ipairs(inbox) do
    want(string.match(entry, '^%d+ (%S*) ') or '')
  end
  local timers = redis.call('ZRANGEBYSCORE', base .. 'timers:' .. record.id, '-inf', now, 'LIMIT', 0, MOST_TIMERS)
  for _, branch in ipairs(timers) do
    want(branch)
  end

  local fields = {}
  for first = 1, #names, FIELDS_PER_READ do
    local last = math.min(first + FIELDS_PER_READ - 1, #names)
    local values = redis.call('HMGET', record.key, unpack(names, first, last))
    for i = first, last do
      local value = values[i - first + 1]
      if value then
        fields[#fields + 1] = names[i]
        fields[#fields + 1] = value
      end
    end
  end
  return {record.id, token, 0, fields, inbox}
end
