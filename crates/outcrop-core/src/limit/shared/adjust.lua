-- Changes counters, once for each ticket.
-- KEYS: the ticket, then counters. ARGV: how (settle: the ticket must be there, and goes; charge: it must
-- not be there, and comes), life of the ticket, ticket; for each counter: kind (window or flight), slot,
-- oldest slot that counts, change, life.
-- Returns nothing when it was done before, else what is in each window after.
if ARGV[1] == 'settle' then
  if redis.call('DEL', KEYS[1]) == 0 then return {} end
elseif not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[2]) then
  return {}
end
local reply = {}
for i = 2, #KEYS do
  local a = 4 + (i - 2) * 5
  local sum = 0
  if ARGV[a] == 'flight' then
    redis.call('ZREM', KEYS[i], ARGV[3])
  else
    local is_new = ARGV[1] == 'charge' and tonumber(ARGV[a + 3]) > 0
    if is_new or redis.call('HEXISTS', KEYS[i], ARGV[a + 1]) == 1 then
      if redis.call('HINCRBY', KEYS[i], ARGV[a + 1], ARGV[a + 3]) < 0 then
        redis.call('HSET', KEYS[i], ARGV[a + 1], '0')
      end
      if is_new then redis.call('PEXPIRE', KEYS[i], ARGV[a + 4]) end
    end
    local all = redis.call('HGETALL', KEYS[i])
    for j = 1, #all, 2 do
      if tonumber(all[j]) >= tonumber(ARGV[a + 2]) then sum = sum + tonumber(all[j + 1]) end
    end
  end
  reply[i - 1] = string.format('%.0f', sum)
end
return reply
