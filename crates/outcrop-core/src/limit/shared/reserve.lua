-- Takes from all counters or from none.
-- KEYS: the ticket, then counters. ARGV: life of the ticket, lease, ticket; for each counter: kind
-- (window or flight), slot, oldest slot that counts, most, take, life. Milliseconds throughout.
-- Returns whether it is granted, then for each counter its slots and amounts before.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = { 1 }
for i = 2, #KEYS do
  local a = 4 + (i - 2) * 6
  local oldest, most, take = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  local sum, slots = 0, {}
  if ARGV[a] == 'flight' then
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
    sum = redis.call('ZCARD', KEYS[i])
    slots = { '0', string.format('%.0f', sum) }
  else
    local all = redis.call('HGETALL', KEYS[i])
    for j = 1, #all, 2 do
      if tonumber(all[j]) < oldest then
        redis.call('HDEL', KEYS[i], all[j])
      else
        sum = sum + tonumber(all[j + 1])
        slots[#slots + 1] = all[j]
        slots[#slots + 1] = all[j + 1]
      end
    end
  end
  if sum + take > most then
    reply[1] = 0
  end
  reply[i] = slots
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  reply[1] = 1
elseif reply[1] == 1 then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
  for i = 2, #KEYS do
    local a = 4 + (i - 2) * 6
    if ARGV[a] == 'flight' then
      redis.call('ZADD', KEYS[i], now + tonumber(ARGV[2]), ARGV[3])
    else
      redis.call('HINCRBY', KEYS[i], ARGV[a + 1], ARGV[a + 4])
    end
    redis.call('PEXPIRE', KEYS[i], ARGV[a + 5])
  end
end
return reply
