-- Changes counters, once for each ticket.
-- KEYS: tickets, then counters, one for each slot that changes. ARGV: life of a ticket, how many tickets,
-- how many slots; for each slot: kind (window or flight), slot, life, and the oldest and newest slot that
-- count where it is to be told what is in the window (else empty); for each ticket: itself, how (settle: it
-- must be there, and goes; charge: it must not be there, and comes), how many changes, and for each of
-- these: which of the slots, by how much.
-- Returns what is in each window that is to be told, after.
local tickets, slots = tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function slot(i) return 4 + (i - 1) * 5 end
-- Tickets are used up by now: what is wrong with one counter must not keep a change from another. What is
-- under a counter's name and of another kind is none of ours, and goes.
local wrong
local function try(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err and string.find(reply.err, 'WRONGTYPE', 1, true) then
    redis.call('DEL', key)
    reply = redis.pcall(command, key, ...)
  end
  if type(reply) == 'table' and reply.err then
    wrong = reply
    return nil
  end
  return reply
end
-- By slot: the sum of all changes, and whether one of them may bring it into being.
local sums, is_new = {}, {}
local a = slot(slots + 1)
for t = 1, tickets do
  local is_settled, is_due = ARGV[a + 1] == 'settle', false
  if is_settled then
    is_due = redis.call('DEL', KEYS[t]) == 1
  elseif redis.call('SET', KEYS[t], '1', 'NX', 'PX', ARGV[1]) then
    is_due = true
  end
  local last = a + 2 + 2 * tonumber(ARGV[a + 2])
  for c = a + 3, last, 2 do
    local i, change = tonumber(ARGV[c]), tonumber(ARGV[c + 1])
    if ARGV[slot(i)] == 'flight' then
      -- A store that forgot the ticket may have been told again what was in flight.
      if is_settled then
        try('ZREM', KEYS[tickets + i], ARGV[a])
      elseif is_due then
        try('ZADD', KEYS[tickets + i], now + tonumber(ARGV[slot(i) + 2]), ARGV[a])
        try('PEXPIRE', KEYS[tickets + i], ARGV[slot(i) + 2])
      end
    elseif is_due then
      sums[i] = (sums[i] or 0) + change
      is_new[i] = is_new[i] or (not is_settled and change > 0)
    end
  end
  a = last + 1
end
local reply = {}
for i = 1, slots do
  local key, s = KEYS[tickets + i], slot(i)
  if sums[i] and (is_new[i] or try('HEXISTS', key, ARGV[s + 1]) == 1) then
    local after = try('HINCRBY', key, ARGV[s + 1], string.format('%.0f', sums[i]))
    if after and after < 0 then try('HSET', key, ARGV[s + 1], '0') end
    -- What is late ends before what is in it already.
    if is_new[i] and redis.call('PTTL', key) < tonumber(ARGV[s + 2]) then
      try('PEXPIRE', key, ARGV[s + 2])
    end
  end
  if ARGV[s + 3] ~= '' then
    local sum, all = 0, try('HGETALL', key) or {}
    for j = 1, #all, 2 do
      local number = tonumber(all[j])
      if number >= tonumber(ARGV[s + 3]) and number <= tonumber(ARGV[s + 4]) then
        sum = sum + tonumber(all[j + 1])
      end
    end
    reply[#reply + 1] = string.format('%.0f', sum)
  end
end
return wrong or reply
