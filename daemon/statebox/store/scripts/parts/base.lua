-- What every script begins with: ARGV[1] = base `<prefix>:{<shard>}:`, ARGV[2] = the time in ms, or '' for Redis TIME.
-- Other keys are derived from the base, so that they stay in the slot of KEYS[1].
local base = ARGV[1]
local now
if ARGV[2] == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(ARGV[2])
end

local function channel(name)
  return (string.gsub(base, '{%w+}:$', '')) .. name
end

-- Numbers turned into text by Lua itself would read 1.7e+12.
local function text(ms)
  return string.format('%.0f', ms)
end
