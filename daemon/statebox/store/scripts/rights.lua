-- Tell which commands the user of this connection may not give. Changes nothing.
-- One step, as the user may ask Redis for its rights only from within a script, where no right is needed for it.
--
-- KEYS[1] due
-- ARGV    base, now (neither is looked at), then for each command how many words it has, and those
-- Returns the numbers of those that are refused, the first being 1

--!include parts/base.lua

local refused, at, number = {}, 3, 0
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  number = number + 1
  local known, allowed = pcall(redis.acl_check_cmd, unpack(ARGV, at + 1, last))
  if not (known and allowed) then refused[#refused + 1] = number end
  at = last + 1
end
return refused
