-- One step of one circuit, on Redis's own clock. `circuit_rules.py` implements the same rules in process; one set of tests
-- holds both.
-- KEYS[1]: a hash with the fields state (absent: closed), failures (their instants, separated by spaces), retry_at, slow_until
-- and probe:<token> (the probe's expiry). All instants are milliseconds.
-- ARGV: command, token, one instant or duration, and the rules in the order of CircuitRules.milliseconds(). The third argument
-- is, for allow and look, until when the coordinator calls the provider down; for slowed, for how long it asked us to wait.
-- Returns state, failures, wait (0: a call may go), and 1 when the call that goes is a probe.
local command, token, argument = ARGV[1], ARGV[2], tonumber(ARGV[3])
local max_failures, window, open_for = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local permits, probe_for, forget = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local stored = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do stored[flat[i]] = flat[i + 1] end
local state = stored.state or 'closed'
local retry_at, slow_until = tonumber(stored.retry_at or 0), tonumber(stored.slow_until or 0)
local failures, probes = {}, {}
for failed_at in string.gmatch(stored.failures or '', '%d+') do
  if tonumber(failed_at) > now - window then failures[#failures + 1] = failed_at end
end
for field, value in pairs(stored) do
  if string.sub(field, 1, 6) == 'probe:' and tonumber(value) > now then probes[string.sub(field, 7)] = tonumber(value) end
end

local function wait_time()
  local wait = math.max(slow_until - now, (command == 'allow' or command == 'look') and argument - now or 0, 0)
  if state == 'open' then return math.max(wait, retry_at - now) end
  local running, first_expiry = 0, nil
  for _, expiry in pairs(probes) do
    running = running + 1
    if not first_expiry or expiry < first_expiry then first_expiry = expiry end
  end
  if state == 'half_open' and running >= permits then wait = math.max(wait, first_expiry - now) end
  return wait
end

local counts, changed, probe = probes[token] ~= nil or state == 'closed', true, 0
if command == 'allow' or command == 'look' then
  changed = command == 'allow' and state ~= 'closed' and wait_time() == 0
  if changed then
    state, probe = 'half_open', 1
    probes[token] = now + probe_for
  end
elseif command == 'reset' then
  state, failures, probes, slow_until = 'closed', {}, {}, 0
elseif command == 'succeeded' and counts then
  state, failures, probes = 'closed', {}, {}
elseif command == 'failed' and counts then
  failures[#failures + 1] = string.format('%.0f', now)
  if state ~= 'closed' or #failures >= max_failures then
    state, retry_at, probes = 'open', now + open_for, {}
  end
else  -- ignored, slowed, and reports that come too late: at most a probe's permit is returned
  probes[token] = nil
  if command == 'slowed' then slow_until = math.max(slow_until, now + argument) end
end

if changed then
  redis.call('DEL', KEYS[1])
  if state ~= 'closed' or #failures > 0 or slow_until > now then
    local fields = {'state', state, 'failures', table.concat(failures, ' '), 'retry_at', retry_at, 'slow_until', slow_until}
    for name, expiry in pairs(probes) do fields[#fields + 1] = 'probe:' .. name; fields[#fields + 1] = expiry end
    redis.call('HSET', KEYS[1], unpack(fields))
    redis.call('PEXPIRE', KEYS[1], state ~= 'closed' and open_for + forget or math.max(window, slow_until - now))
  end
end
return {state, #failures, probe == 1 and 0 or wait_time(), probe}
