--- What the server's benchmark measures: plans (one run of the load against a fresh server), the
-- rows that a plan fills, and the aims.
local servers = require "bench.servers"

local rows = {}

local MIB, KIB = 2 ^ 20, 2 ^ 10

-- --- values out of a phase's line ----------------------------------------------------------------

local function key(name, scale)
  return function(r) return r[name] and r[name] / scale end
end

local function per_event(r)
  return r.cpu_ns and r.cpu_ns / r.delivered / 1e3
end

local function rate(r)
  return r.delivered / r.seconds / 1e3
end

local function per_follower(name, scale)
  return function(r) return r[name] and r[name] / r.followers / scale end
end

local function drift(r)
  return r["end"] >= 0 and (r["end"] / r.tenth - 1) * 100
end

local CPU = { "CPU for each delivered event", "us", per_event, spread = true }
local RATE = { "delivered", "k/s", rate }
local P50 = { "publish to follower, p50", "ms", key("p50_us", 1e3) }
local P99 = { "p99", "ms", key("p99_us", 1e3) }
local LAST = { "the last follower", "ms", key("last_us", 1e3) }

-- A metric with an aim: at most `times` the value of server `of`, or at most `most` of the unit.
local function with(metric, aim)
  return { metric[1], metric[2], metric[3], spread = metric.spread, aim = aim }
end

local function of_floor(times)
  return { of = "floor", times = times }
end

local OF_NCHAN = { of = "nchan", times = 1 }

-- --- the rows ------------------------------------------------------------------------------------

local function followers(n)
  return n < 1000 and tostring(n) or ("%d,%03d"):format(n // 1000, n % 1000)
end

local function one_at_a_time(name, n)
  return {
    name = name, title = followers(n) .. " followers, 100 bytes, one event at a time",
    metrics = { with(CPU, of_floor(1.05)), RATE, P50, P99, LAST },
  }
end

local function many_rows(n)
  return {
    {
      name = "connect", title = followers(n) .. " connects",
      metrics = {
        { "time", "s", key("seconds", 1), aim = OF_NCHAN },
        { "CPU for each", "us", per_follower("cpu_ns", 1e3), aim = OF_NCHAN },
      },
    },
    {
      name = "memory", title = followers(n) .. " idle followers",
      metrics = {
        {
          "memory for each", "KiB", per_follower("grown", KIB), absolute = true,
          aim = { most = 0.6 },
        },
      },
    },
    one_at_a_time("events", n),
    {
      name = "burst", title = "50 events in one turn to " .. followers(n),
      metrics = { with(CPU, of_floor(0.10)), RATE },
    },
    {
      name = "rate", title = followers(n) .. " followers, 2 events a second",
      metrics = {
        with(CPU, of_floor(1.1)), P50, with(P99, of_floor(1.1)), with(LAST, of_floor(1.1)),
      },
    },
  }
end

local STUCK = {
  {
    name = "stuck", label = "alone", title = "1,000 followers, 50 events of 1 KiB a turn",
    metrics = { P99, CPU },
  },
  {
    name = "stuck", label = "stuck", title = "the same beside one that stopped reading",
    metrics = {
      P99, CPU,
      { "p99 beside it / alone", "x", function(r, of)
        return r.p99_us / ((of("alone").p99_us + of("after").p99_us) / 2)
      end, aim = { most = 1.1 } },
      { "p99 alone, after / before", "x", function(_, of)
        return of("after").p99_us / of("alone").p99_us
      end },
      { "the server's memory grew by", "MiB", key("grown", MIB) },
      { "closed with reason slow", "1: yes", function(_, of)
        return of("closed").body == "slow" and 1 or 0
      end, aim = { least = 1 } },
      { "came back: missed and not told", "events", function(_, of)
        return of("return").gap == 0 and of("return").missed or 0
      end, aim = { most = 0 } },
      { "came back: gap events", "", function(_, of) return of("return").gap end },
      { "came back: up to date again", "1: yes", function(_, of)
        return of("return").current
      end, aim = { least = 1 } },
    },
  },
}

local CHURN = {
  {
    name = "churn", title = "100,000 connects and leaves, 1,000 at a time",
    metrics = {
      { "time", "s", key("seconds", 1) },
      { "CPU for each connect, 10 events included", "us", function(r)
        return r["end"] >= 0 and r.cpu_ns / r.came / 1e3
      end },
      { "memory, end against first tenth", "%", drift, aim = { most = 2 } },
      { "descriptors left", "", function(r)
        return r["end"] >= 0 and r.descriptors
      end, aim = { most = 0 } },
    },
  },
}

-- TLS, beside nchan's.
local function secure_rows(n)
  local memory = per_follower("grown", KIB)
  return {
    {
      name = "tls", label = "connect", title = followers(n) .. " connects over TLS 1.3",
      metrics = {
        { "time", "s", key("seconds", 1) }, { "CPU for each", "us", per_follower("cpu_ns", 1e3) },
      },
    },
    {
      name = "tls", label = "memory", title = followers(n) .. " idle followers over TLS, HTTP/1.1",
      metrics = {
        { "memory for each", "KiB", memory, aim = { most = 12 } },
        { "the same, beside nchan", "KiB", memory, aim = OF_NCHAN },
      },
    },
    {
      name = "tls", label = "events",
      title = followers(n) .. " followers over TLS, 100 bytes, one event at a time",
      metrics = { with(CPU, OF_NCHAN), RATE, P50, P99, LAST },
    },
  }
end

-- A hundred streams on each HTTP/2 connection, beside an HTTP/1.1 connection for each stream.
local function http2_rows(n)
  return {
    {
      name = "http2", label = "memory", title = followers(n) .. " idle followers, by protocol",
      metrics = { { "memory for each", "KiB", per_follower("grown", KIB) } },
    },
    {
      name = "http2", label = "events",
      title = followers(n) .. " followers, 100 bytes, one event at a time",
      metrics = { with(CPU, { of = "http1", times = 0.5 }), RATE, P50, P99, LAST },
    },
  }
end

-- --- the plans -----------------------------------------------------------------------------------

local WARM = { { "connect:20" }, { "events:5" }, { "leave" } }

-- The phases of these rows, after phases that always run.
local function script(first, phases)
  local list = { table.unpack(WARM) }
  for _, phase in ipairs(first) do list[#list + 1] = phase end
  for _, phase in ipairs(phases) do list[#list + 1] = phase end
  return list
end

--- The plans for `n` followers: list of { rows =, phases =, servers = (names; nil: all), size =
-- (bytes of an event), list =, title = }. With `list`, the plan has servers and columns of its
-- own. A phase is { phase of load, label (nil: results are dropped), name of the row that it is
-- for (nil: it always runs), slices (1) }. The servers take turns at each slice, so that what
-- slows the machine down slows all of them. pipelined: the phase for a server that can't publish
-- many events in one turn.
function rows.plans(n)
  return {
    {
      rows = many_rows(n),
      phases = script({ { "connect:" .. n, "connect" } }, {
        { "memory", "memory", "memory" },
        { "events:2", "events", "events", 10 },
        { "burst:1x50", "burst", "burst", pipelined = "burst:1x20" },
        { "rate:2x4", "rate", "rate", 2 },
      }),
    },
    {
      rows = { one_at_a_time("few", 1000) },
      phases = script({ { "connect:1000" } }, { { "events:15", "few", "few", 10 } }),
    },
    {
      rows = STUCK, size = 1024, servers = { ours = true },
      phases = script({ { "connect:1000" } }, {
        { "burst:80x50", "alone" }, { "stuck:80x50", "stuck" }, { "get:/closed", "closed" },
        { "return", "return" }, { "burst:80x50", "after" },
      }),
    },
    {
      rows = CHURN, servers = { ours = true },
      -- The log must be full before the memory is measured.
      phases = script({ { "connect:20" }, { "events:1200" }, { "leave" } },
                      { { "churn:100000x1000", "churn" } }),
    },
    {
      rows = secure_rows(n), list = servers.secure, title = "over TLS, HTTP/1.1",
      phases = script({ { "connect:" .. n, "connect" } }, {
        { "memory", "memory" }, { "events:2", "events", nil, 10 },
      }),
    },
    {
      rows = http2_rows(n), list = servers.protocols,
      title = "lua-sse by protocol, HTTP/2 with 100 streams on a connection",
      phases = script({ { "connect:" .. n, "connect" } }, {
        { "memory", "memory" }, { "events:2", "events", nil, 10 },
      }),
    },
  }
end

return rows
