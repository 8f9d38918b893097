-- Put a task into its activity's queue; one that stands there already stays where it is.
-- One step, as nothing may come into the queue of an activity that is deleted meanwhile.
--
-- KEYS[1] due of {meta}, which never exists: it sends the script to its slot
-- ARGV    base, now, name, continuation
-- Returns 1, or 0 when there is no such activity

--!include parts/base.lua

local name = ARGV[3]
if redis.call('EXISTS', base .. 'activity:' .. name) == 0 then return 0 end
redis.call('ZADD', base .. 'queue:' .. name, 'NX', now, ARGV[4])
redis.call('PUBLISH', channel('queued'), name)
return 1
