-- Add tags to an activity, and remove others.
-- One step, as of several who tag it at once none may go beyond what it may have.
--
-- KEYS[1] due of {meta}, which never exists: it sends the script to its slot
-- ARGV    base, now, name, how many tags it may have, how many are added, field and value of each, fields to remove
-- Returns 1; 0 when nothing was done, as there would be too many; -1 when there is no such activity

--!include parts/base.lua

local key, most, added = base .. 'activity:' .. ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('EXISTS', key) == 0 then return -1 end

-- All fields but `created` and `told` are tags.
local count, first_removed = redis.call('HLEN', key) - 2, 6 + 2 * added
for i = 6, first_removed - 1, 2 do
  if not redis.call('HGET', key, ARGV[i]) then count = count + 1 end
end
if added > 0 and count > most then return 0 end
for i = 6, first_removed - 1, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
for i = first_removed, #ARGV do
  redis.call('HDEL', key, ARGV[i])
end
return 1
