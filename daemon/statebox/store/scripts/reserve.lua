-- Reserve the first task of an activity's queue: for a time nobody else gets it. Whoever reserved it takes it out once it is
-- decided, on the shard of the task, whose it is; when they die before that, it is there for others again.
-- One step, as of two who ask at once each must get another one.
--
-- KEYS[1] due of {meta}, which never exists: it sends the script to its slot
-- ARGV    base, now, name, for how long (ms)
-- Returns {continuation}, {} when there is none to be had now, or {'', ms} when one that is reserved is free again in so long

--!include parts/base.lua

local queue = base .. 'queue:' .. ARGV[3]
local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
if not first[1] then return {} end
local free = tonumber(first[2])
if free > now then return {'', text(free - now)} end
redis.call('ZADD', queue, now + tonumber(ARGV[4]), first[1])
return {first[1]}
