-- Change a registered machine: put a new record in the place of the one that was read, or remove it.
-- One step, as who changes it decides by what he has read: when it was changed meanwhile, he must read again.
--
-- KEYS[1] due of {meta}, which never exists: it sends the script to its slot
-- ARGV    base, now, name, stamp that was read ('' when there was none), new stamp ('' removes it), record,
--         hash and text of a definition to add ('' and '' for none), hashes of definitions that are not needed any more
-- Returns {'done'}, also when this very call was made before
--         {'moved'}: nothing was done, as the stamp is another one by now

--!include parts/base.lua

local name, read, stamp, record, hash, definition_text = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local key, names = base .. 'machine:' .. name, base .. 'machines'

local current = redis.call('HGET', key, 'stamp') or ''
if current == stamp and (stamp ~= '' or read ~= '') then return {'done'} end
if current ~= read then return {'moved'} end

if stamp == '' then
  redis.call('UNLINK', key)
  redis.call('ZREM', names, name)
  return {'done'}
end
if read == '' then redis.call('ZADD', names, 0, name) end
redis.call('HSET', key, 'stamp', stamp, 'record', record)
if hash ~= '' then redis.call('HSET', key, 'text:' .. hash, definition_text) end
for i = 9, #ARGV do
  redis.call('HDEL', key, 'text:' .. ARGV[i])
end
return {'done'}
