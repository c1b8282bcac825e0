--- The client's benchmark: one source that receives as fast as it can, beside curl; many sources,
-- beside npm's eventsource. The programs take turns; medians of the rounds are printed.
-- usage: lua client.lua BUILD-FOLDER
-- SOURCES_ONLY=1, SOURCES=1000 and ROUNDS=1 run a part.
local build = assert(arg[1], "usage: lua client.lua BUILD-FOLDER")
local lua = arg[-1]
local ROUNDS, SECONDS = tonumber(os.getenv "ROUNDS") or 3, 1.5
local SOURCES, SOURCES_SECONDS = tonumber(os.getenv "SOURCES") or 5000, 2

local function run(command, ...)
  local pipe = assert(io.popen(command:format(...)))
  local text = pipe:read "a"
  local numbers = {}
  for number in text:gmatch("[%d.]+") do numbers[#numbers + 1] = tonumber(number) end
  return pipe:close() and numbers[1] and numbers
end

-- Starts a server in a process of its own; returns its pipe and port.
local function serve(command)
  local pipe = assert(io.popen(command))
  return pipe, assert(pipe:read "n", command .. ": no port")
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- --- one source ----------------------------------------------------------------------------------

local KIB = 1024 -- bytes of an event on the wire

local function ours(how)
  return function(url)
    local r = assert(run("%s bench/firehose_client.lua %s %g %s", lua, url, SECONDS, how))
    return r[1] / r[3]
  end
end

local function curl(sink)
  return function(url)
    local r = assert(run("curl -N -s --max-time %g %s %s", SECONDS, url, sink))
    return r[1] / KIB / (r[2] or SECONDS)
  end
end

-- Lua's own part, for which nothing is received: the most that any client in Lua could reach.
local function lua_alone()
  local r = assert(run("%s bench/lua_alone.lua %g", lua, SECONDS))
  return r[1] / r[3]
end

local readers = {
  { "curl -N -s, to /dev/null", curl "-o /dev/null -w '%{size_download} %{time_total}' || :" },
  { "curl -N -s, counted by wc -c", curl "| wc -c" },
  { "EventSource, a listener", ours "listener" },
  { "EventSource, for ev in events()", ours "events" },
  { "Lua alone, nothing received", lua_alone },
}

local function measure_rates(url)
  local rates = {}
  for round = 1, ROUNDS do
    for i, reader in ipairs(readers) do
      rates[i] = rates[i] or {}
      rates[i][round] = reader[2](url)
    end
  end
  for i = 1, #readers do rates[i] = median(rates[i]) end
  return rates
end

local function one_source()
  local server, port = serve(("%s/sender %d"):format(build, 180))
  print(("one source, events of 1 KiB from a C sender; the median of %d rounds of %g s"):format(
    ROUNDS, SECONDS))
  for _, size in ipairs { 64, 1 } do
    local rates = measure_rates(("http://127.0.0.1:%d/%d"):format(port, size))
    local title = ("chunks of %d KiB"):format(size)
    print(("\n%-34s %10s %9s %10s %10s"):format(title, "events/s", "MB/s", "x curl", "x curl|wc"))
    for i, reader in ipairs(readers) do
      print(("  %-32s %8.0f k %9.0f %10.2f %10.2f"):format(reader[1], rates[i] / 1e3,
        rates[i] * KIB / 1e6, rates[i] / rates[1], rates[i] / rates[2]))
    end
    local both = 1 / (1 / rates[1] + 1 / rates[#readers])
    print(("  %-32s %8.0f k %9s %10.2f"):format("first and last row, one by one", both / 1e3, "",
      both / rates[1]))
  end
  run("curl -s http://127.0.0.1:%d/stop", port)
  server:close()
end

-- --- many sources --------------------------------------------------------------------------------

local kinds = { -- what the server is started with, and how the row is called
  { "plain", "EventSource" },
  { "plain compress", "EventSource, server compresses" },
  { "tls compress", "EventSource, over TLS" },
}

-- Runs a client again and again; returns medians of: sources, seconds to open, bytes each, events a
-- second, percent of the memory that are left afterwards.
local function measure(command, ...)
  local columns = { {}, {}, {}, {}, {} }
  for _ = 1, ROUNDS do
    local r = run("timeout 60 " .. command, ...)
    if not r then return nil end
    for i, value in ipairs { r[1], r[2], r[3], r[4] / r[5], r[6] } do
      table.insert(columns[i], value)
    end
  end
  for i, column in ipairs(columns) do columns[i] = median(column) end
  return columns
end

local function print_client(name, r)
  print(("  %-32s %8d %9.2f %10.1f %12.0f %8s"):format(name, r[1], r[2], r[3] / 1024, r[4],
    r[5] and ("%.0f %%"):format(r[5]) or "-"))
end

local function start_sources_server(kind)
  local command = "ulimit -n 20000; exec %s bench/sources_server.lua %s"
  local server, port = serve(command:format(lua, kind))
  if kind:find "tls" then
    server:read "l"
    return server, ("https://127.0.0.1:%d"):format(port), server:read "l"
  end
  return server, ("http://127.0.0.1:%d"):format(port), ""
end

local function stop_sources_server(server, url)
  run("curl -s -k -X POST %s/stop", url)
  server:close()
end

local function measure_kind(kind, name)
  local server, url, ca = start_sources_server(kind)
  local r = assert(measure("%s bench/sources_client.lua %s %d %g %s", lua, url, SOURCES,
    SOURCES_SECONDS, ca), "nothing was measured")
  print_client(name, r)
  stop_sources_server(server, url)
  return r
end

local function measure_peer()
  local node = "node --expose-gc bench/sources_client.mjs %s %d %g"
  local server, url = start_sources_server "plain"
  local peer = measure(node, url, SOURCES, SOURCES_SECONDS)
  if not peer then
    print(("  npm eventsource 3.0.7 can't hold %d sources"):format(SOURCES))
    peer = measure(node, url, SOURCES // 5, SOURCES_SECONDS)
  end
  stop_sources_server(server, url)
  return peer
end

local function many_sources()
  print(("\n%-34s %8s %9s %10s %12s %8s"):format("many sources, one broadcast at once", "sources",
    "open, s", "KiB each", "events/s", "left"))
  local own
  for i, kind in ipairs(kinds) do
    local r = measure_kind(kind[1], kind[2])
    own = i == 1 and r or own
  end
  local peer = measure_peer()
  if not peer then return end
  print_client("npm eventsource 3.0.7", peer)
  print(("  %-32s %8s %9.2f %10.2f %12.2f"):format("plain / theirs", "", own[2] / peer[2],
    own[3] / peer[3], own[4] / peer[4]))
end

if not os.getenv "SOURCES_ONLY" then one_source() end
many_sources()
