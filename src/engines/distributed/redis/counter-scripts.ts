/**
 * What counters do inside Redis, where it is atomic and has one clock for all processes.
 *
 * A window is kept as in the embedded engine: a packed list (from, until, units, …), what is taken
 * within 1/64 of the window in one entry that lives as long as its youngest unit, at most 65 entries. A
 * lease key holds who has it until when. Every key expires with what it holds.
 */

/** ARGV[1]: the time, or empty for the server's own. ARGV[2]: how much longer keys are kept. */
const PRELUDE = `
local now = tonumber(ARGV[1])
if now == nil then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local slack = tonumber(ARGV[2])
local RESOLUTION = 64

local function number(value) return string.format('%.17g', value) end

local states = {}
local function load(key)
  if states[key] == nil then
    local packed = redis.call('GET', key)
    states[key] = packed and cmsgpack.unpack(packed) or {}
  end
  return states[key]
end

local function store(key, lastsMs)
  if next(states[key]) == nil then
    redis.call('DEL', key)
  elseif lastsMs == nil then
    redis.call('SET', key, cmsgpack.pack(states[key]), 'KEEPTTL')
  else
    redis.call('SET', key, cmsgpack.pack(states[key]), 'PX', math.ceil(lastsMs + slack))
  end
end

local function windowLasts(windowMs) return windowMs * (1 + 1 / RESOLUTION) end

-- The entries that still count.
local function loadWindow(key, windowMs)
  local entries = load(key)
  local first = 1
  while entries[first] and entries[first + 1] + windowMs <= now do first = first + 3 end
  if first > 1 then
    local kept = {}
    for i = first, #entries do kept[#kept + 1] = entries[i] end
    states[key] = kept
  end
  return states[key]
end

local function addUnits(entries, windowMs, units)
  local last = #entries - 2
  if last > 0 and now - entries[last] < windowMs / RESOLUTION then
    entries[last + 1] = math.max(entries[last + 1], now)
    entries[last + 2] = entries[last + 2] + units
  else
    entries[#entries + 1] = now
    entries[#entries + 1] = now
    entries[#entries + 1] = units
  end
end

-- From the youngest: what is given back was taken last.
local function giveBack(entries, units)
  local left = units
  local i = #entries - 2
  while i > 0 and left > 0 do
    local part = math.min(entries[i + 2], left)
    entries[i + 2] = entries[i + 2] - part
    left = left - part
    if entries[i + 2] == 0 then for _ = 1, 3 do table.remove(entries, i) end end
    i = i - 3
  end
end
`

/**
 * For each key: kind, limit, window or ttl in ms, units or holder. Answers '1' and what remains of each,
 * or '0', the index of the first that does not fit, what remains of it, and when to come again.
 */
export const RESERVE = `${PRELUDE}
local LEASE_RETRY_MS = 1000
local lasts = {}

local function takeWindow(key, limit, windowMs, units)
  local entries = loadWindow(key, windowMs)
  local used = 0
  for i = 3, #entries, 3 do used = used + entries[i] end
  if used + units > limit then
    local free = limit - used
    for i = 1, #entries, 3 do
      free = free + entries[i + 2]
      if free >= units then
        return math.max(0, limit - used), entries[i + 1] + windowMs - now
      end
    end
    return math.max(0, limit - used), windowMs
  end
  addUnits(entries, windowMs, units)
  lasts[key] = windowLasts(windowMs)
  return limit - used - units
end

local function takeLease(key, limit, ttlMs, holder)
  local held = load(key)
  local count, earliest, latest = 0, now + LEASE_RETRY_MS, now + ttlMs
  for other, ends in pairs(held) do
    if ends <= now then
      held[other] = nil
    else
      count = count + 1
      earliest = math.min(earliest, ends)
      if other ~= holder then latest = math.max(latest, ends) end
    end
  end
  if held[holder] == nil then
    if count >= limit then return 0, math.max(1, earliest - now) end
    count = count + 1
  end
  held[holder] = now + ttlMs
  lasts[key] = latest - now
  return limit - count
end

local answer = { '1' }
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 4
  local limit, span, extra = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  local remaining, retryAfterMs
  if ARGV[at] == 'window' then
    remaining, retryAfterMs = takeWindow(key, limit, span, tonumber(extra))
  else
    remaining, retryAfterMs = takeLease(key, limit, span, extra)
  end
  if retryAfterMs then
    return { '0', number(i - 1), number(remaining), number(retryAfterMs) }
  end
  answer[#answer + 1] = number(remaining)
end
for key, lastsMs in pairs(lasts) do store(key, lastsMs) end
return answer
`

/** For each key as for RESERVE: what remains of each. Takes and stores nothing. */
export const PEEK = `${PRELUDE}
local answer = {}
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 4
  local limit, span = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local used = 0
  if ARGV[at] == 'window' then
    local entries = loadWindow(key, span)
    for n = 3, #entries, 3 do used = used + entries[n] end
  else
    for _, ends in pairs(load(key)) do
      if ends > now then used = used + 1 end
    end
  end
  answer[i] = number(math.max(0, limit - used))
end
return answer
`

/** For each key as for RESERVE; negative units are a correction upwards, which counts past the limit. */
export const RELEASE = `${PRELUDE}
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 4
  local span, extra = tonumber(ARGV[at + 2]), ARGV[at + 3]
  if ARGV[at] == 'lease' then
    local held = load(key)
    if held[extra] then
      held[extra] = nil
      store(key)
    end
  else
    local units = tonumber(extra)
    local entries = loadWindow(key, span)
    if units < 0 then
      addUnits(entries, span, -units)
      store(key, windowLasts(span))
    elseif #entries > 0 then
      giveBack(entries, units)
      store(key)
    end
  end
end
return '1'
`

/** A value with the moment at which it ends. ARGV[3]: the value. ARGV[4]: how long it lasts. */
export const SET_VALUE = `${PRELUDE}
local ttlMs = tonumber(ARGV[4])
redis.call('SET', KEYS[1], number(now + ttlMs) .. ' ' .. ARGV[3], 'PX', math.ceil(ttlMs + slack))
return '1'
`

export const GET_VALUE = `${PRELUDE}
local stored = redis.call('GET', KEYS[1])
if not stored then return false end
local space = string.find(stored, ' ', 1, true)
if tonumber(string.sub(stored, 1, space - 1)) <= now then return false end
return string.sub(stored, space + 1)
`
