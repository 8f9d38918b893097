-- Create an activity, unless there is one of that name.
-- One step, as of two who create it at once both must be told of the same one.
--
-- KEYS[1] due of {meta}, which never exists: it sends the script to its slot
-- ARGV    base, now, name, what is told of it (JSON text), fields for tags and their values
-- Returns when it was created (ms), and what was told of it then

--!include parts/base.lua

local name, told = ARGV[3], ARGV[4]
local key = base .. 'activity:' .. name
if redis.call('EXISTS', key) == 0 then
  redis.call('HSET', key, 'created', text(now), 'told', told, unpack(ARGV, 5))
  redis.call('ZADD', base .. 'activities', 0, name)
end
return redis.call('HMGET', key, 'created', 'told')
