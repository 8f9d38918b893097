-- Take a continuation, once and for all; whoever asks by the path of its state finds which one was answered there.
local function take(token, path, id, operation, by, retention_ms)
  local key, early = base .. 'token:' .. token, base .. 'early:' .. id
  redis.call('HSET', key, 'status', 'answered', 'operation', operation, 'answered', text(now), 'channel', by)
  redis.call('PEXPIRE', key, retention_ms)
  redis.call('DEL', base .. 'continuation:' .. token)
  redis.call('ZREM', base .. 'waiting', token)
  redis.call('HSET', early, path, token)
  redis.call('PEXPIRE', early, retention_ms)
end
