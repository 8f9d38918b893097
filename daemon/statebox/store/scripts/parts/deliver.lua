-- Put an event into an execution's inbox, and take the execution over when nobody holds it; else tell its owner, or
-- everybody where whoever delivers cannot take it.
-- `how` is its standing, read before anything was written. Returns {'claimed', value} or {'told', id}.
local function deliver(record, how, entry, who)
  redis.call('RPUSH', base .. 'inbox:' .. record.id, entry)
  if how == 'free' and who.takes and grab(record, who) then
    return {'claimed', load(record, who.token)}
  end
  if how == 'newer' or (how == 'free' and not who.takes) then
    redis.call('ZADD', base .. 'due', now, record.id)
    redis.call('PUBLISH', channel('due'), string.match(base, '{(%d+)}:$'))
  end
  redis.call('PUBLISH', channel('inbox'), record.id)
  return {'told', record.id}
end

-- What a repeated call is told that was carried out before.
local function delivered_before(record, who)
  if record.lease and record.lease == who.token then
    return {'claimed', load(record, who.token)}
  end
  return {'told', record.id}
end
