-- Delete an activity with its queue: what stands in it is handed out to nobody any more.
-- One step, as a task that comes in between would be left for ever.
--
-- KEYS[1] due of {meta}, which never exists: it sends the script to its slot
-- ARGV    base, now, name
-- Returns 1, or 0 when there was none

--!include parts/base.lua

local name = ARGV[3]
redis.call('DEL', base .. 'queue:' .. name)
redis.call('ZREM', base .. 'activities', name)
return redis.call('DEL', base .. 'activity:' .. name)
