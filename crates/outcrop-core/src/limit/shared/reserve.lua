-- Takes from all counters or from none; where it takes, what an earlier ticket holds is given back.
-- KEYS: the ticket, the earlier one, counters to take from, counters to give back to. ARGV: life of the
-- ticket, lease, ticket, earlier ticket (empty for none), how many to take from, the instance's time; for
-- each to take from: kind (window or flight), slot, oldest and newest slot that count, oldest that is kept,
-- most, take, life; for each of the others: kind, slot, change. Milliseconds throughout.
-- Returns whether it is granted, then for each counter what was in it before: the newest slot that holds
-- something, and the sum; where it is refused, all slots and amounts.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_done = redis.call('EXISTS', KEYS[1]) == 1
local is_held = not is_done and ARGV[4] ~= '' and redis.call('EXISTS', KEYS[2]) == 1
local last = 2 + tonumber(ARGV[5])
-- A clock that is ahead takes nothing away.
local may_forget = tonumber(ARGV[6]) < now + 2000
local function claim(i) return 7 + (i - 3) * 8 end
local function change(i) return claim(last + 1) + (i - last - 1) * 3 end
-- What is under a counter's name and of another kind is none of ours, and goes.
local function on_counter(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
  return redis.call(command, key, ...)
end
-- Changes of windows, by counter.
local back = {}
if is_held then
  for i = last + 1, #KEYS do
    local a = change(i)
    if ARGV[a] ~= 'flight' then back[KEYS[i]] = { ARGV[a + 1], tonumber(ARGV[a + 2]) } end
  end
end
local granted, reply, held = 1, { 1 }, {}
for i = 3, last do
  local a = claim(i)
  local oldest, newest, kept = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  local most, take = tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
  local sum, last_used, slots = 0, 0, {}
  if ARGV[a] == 'flight' then
    on_counter('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
    sum = redis.call('ZCARD', KEYS[i])
    if is_held and redis.call('ZSCORE', KEYS[i], ARGV[4]) then sum = sum - 1 end
    slots = { 0, sum }
  else
    local all = on_counter('HGETALL', KEYS[i])
    local given = back[KEYS[i]]
    for j = 1, #all, 2 do
      local slot = tonumber(all[j])
      if slot < kept then
        if may_forget then redis.call('HDEL', KEYS[i], all[j]) end
      elseif slot >= oldest and slot <= newest then
        local amount = tonumber(all[j + 1])
        if given and given[1] == all[j] then amount = math.max(0, amount + given[2]) end
        sum = sum + amount
        if amount > 0 and slot > last_used then last_used = slot end
        slots[#slots + 1] = slot
        slots[#slots + 1] = amount
      end
    end
  end
  if sum + take > most then granted = 0 end
  reply[i - 1], held[i - 1] = { last_used, sum }, slots
end
if is_done then
  granted = 1
elseif granted == 0 then
  reply = held
else
  if is_held then
    redis.call('DEL', KEYS[2])
    for i = last + 1, #KEYS do
      local a = change(i)
      if ARGV[a] == 'flight' then
        on_counter('ZREM', KEYS[i], ARGV[4])
      elseif on_counter('HEXISTS', KEYS[i], ARGV[a + 1]) == 1
        and redis.call('HINCRBY', KEYS[i], ARGV[a + 1], ARGV[a + 2]) < 0 then
        redis.call('HSET', KEYS[i], ARGV[a + 1], '0')
      end
    end
  end
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
  for i = 3, last do
    local a = claim(i)
    if ARGV[a] == 'flight' then
      redis.call('ZADD', KEYS[i], now + tonumber(ARGV[2]), ARGV[3])
    else
      redis.call('HINCRBY', KEYS[i], ARGV[a + 1], ARGV[a + 6])
    end
    -- Another slot, or another instance's clock, may need it for longer.
    if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[a + 7]) then
      redis.call('PEXPIRE', KEYS[i], ARGV[a + 7])
    end
  end
end
reply[1] = granted
return reply
