-- One step of one circuit, on Redis's own clock. `circuit.py` keeps the same rules in process; one set of tests holds both.
-- KEYS[1]: hash of state (absent: closed), failures (their times), retry_at, slow_until, probe:<token> (its end); all in ms.
-- ARGV: verb, token, until (allow: the coordinator's word) or for (slowed), and the rules as circuit.py lists them.
-- Gives state, failures, wait (0: a call may go), and 1 when the call that goes is a probe.
local verb, token, more = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most, window, open_for = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local permits, probe_for, forget = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local kept = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do kept[flat[i]] = flat[i + 1] end
local state = kept.state or 'closed'
local retry_at, slow_until = tonumber(kept.retry_at or 0), tonumber(kept.slow_until or 0)
local failures, probes, mine = {}, {}, false
for at in string.gmatch(kept.failures or '', '%d+') do
  if tonumber(at) > now - window then failures[#failures + 1] = at end
end
for field, value in pairs(kept) do
  if string.sub(field, 1, 6) == 'probe:' and tonumber(value) > now then probes[string.sub(field, 7)] = tonumber(value) end
end

local function waiting()
  local wait = math.max(slow_until - now, (verb == 'allow' or verb == 'look') and more - now or 0, 0)
  if state == 'open' then return math.max(wait, retry_at - now) end
  local out, first_end = 0, nil
  for _, ends in pairs(probes) do
    out = out + 1
    if not first_end or ends < first_end then first_end = ends end
  end
  if state == 'half_open' and out >= permits then wait = math.max(wait, first_end - now) end
  return wait
end

local counts, changed, probe = probes[token] ~= nil or state == 'closed', true, 0
if verb == 'allow' or verb == 'look' then
  changed = verb == 'allow' and state ~= 'closed' and waiting() == 0
  if changed then
    state, probe = 'half_open', 1
    probes[token] = now + probe_for
  end
elseif verb == 'reset' then
  state, failures, probes, slow_until = 'closed', {}, {}, 0
elseif verb == 'succeeded' and counts then
  state, failures, probes = 'closed', {}, {}
elseif verb == 'failed' and counts then
  failures[#failures + 1] = string.format('%.0f', now)
  if state ~= 'closed' or #failures >= most then
    state, retry_at, probes = 'open', now + open_for, {}
  end
else  -- ignored, slowed, and what comes late: at most a probe is given back
  probes[token] = nil
  if verb == 'slowed' then slow_until = math.max(slow_until, now + more) end
end

if changed then
  redis.call('DEL', KEYS[1])
  if state ~= 'closed' or #failures > 0 or slow_until > now then
    local put = {'state', state, 'failures', table.concat(failures, ' '), 'retry_at', retry_at, 'slow_until', slow_until}
    for name, ends in pairs(probes) do put[#put + 1] = 'probe:' .. name; put[#put + 1] = ends end
    redis.call('HSET', KEYS[1], unpack(put))
    redis.call('PEXPIRE', KEYS[1], state ~= 'closed' and open_for + forget or math.max(window, slow_until - now))
  end
end
return {state, #failures, probe == 1 and 0 or waiting(), probe}
