-- What stands in front of every script in a cluster. While the slot of a shard is moved key by key, a key that is missing
-- here may be there, and the command that meets it ends the script in its middle, with everything before it written. So a
-- key that never exists is asked for before anything else: only a node that has the whole slot knows that it is missing.
-- Returns the error TRYAGAIN when the slot is on its way, with nothing written.
do
  local whole = redis.pcall('EXISTS', KEYS[1] .. ':never')
  if type(whole) == 'table' then
    return redis.error_reply('TRYAGAIN the slot of this shard is on its way to another node')
  end
end

