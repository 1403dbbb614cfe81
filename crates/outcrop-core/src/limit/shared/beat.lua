-- Says that an instance lives, and with it what it has in flight.
-- KEYS: the instances, then counters of requests in flight. ARGV: instance, lease, whether what is in flight
-- is renewed where it is there, or restored where it is not; for each counter: ticket.
-- Returns how many instances live, and the time in milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local till = now + tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], till, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 2, #KEYS do
  -- What is of another kind holds nothing in flight: it goes once a request asks for it.
  if ARGV[3] == 'restored' then
    redis.pcall('ZADD', KEYS[i], till, ARGV[i + 2])
  else
    redis.pcall('ZADD', KEYS[i], 'XX', till, ARGV[i + 2])
  end
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return { redis.call('ZCARD', KEYS[1]), now }
