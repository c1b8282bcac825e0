--- The parser's benchmark: writes the inputs, runs every reader of them, prints one table.
-- usage: lua parser.lua BUILD-FOLDER
local build = assert(arg[1], "usage: lua parser.lua BUILD-FOLDER")
local lua = arg[-1]
local folder = build .. "/bench"
local peer = "eventsource-parser"

local inputs = {
  { "chat", "chat completion chunks, 231 bytes" },
  { "ticks", "ticks: event, id, 30 bytes of data" },
  { "lines64k", "data lines of 64 KiB" },
  { "short20", "events of 20 short CRLF lines" },
}
local readers = {
  { "memchr", "memchr, line by line" },
  { "c", "counted in C" },
  { "lua", "delivered to Lua" },
  { "lua-alone", "Lua alone: strings and calls" },
  { peer, "eventsource-parser 3.1.1" },
  { peer .. "-decoded", "  fed strings decoded before" },
  { peer .. "-3.0", "eventsource-parser 3.0.6" },
  { peer .. "-3.0-decoded", "  fed strings decoded before" },
}

local function run(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  return pipe:close() and lines
end

local function paths()
  local list = {}
  for i, input in ipairs(inputs) do list[i] = ("'%s/%s'"):format(folder, input[1]) end
  return table.concat(list, " ")
end

-- Runs a command with all inputs; results[input][reader] = { events =, bytes = } a second.
local function collect(results, command)
  local lines = run(command .. " " .. paths())
  if not lines then
    io.stderr:write("left out, it failed: " .. command .. "\n")
    return
  end
  for _, line in ipairs(lines) do
    local path, reader, events, bytes, seconds = line:match("^(.-)\t(.-)\t(.-)\t(.-)\t(.-)$")
    local name = path:match("[^/]+$")
    results[name] = results[name] or {}
    results[name][reader] = { events = events / seconds, bytes = bytes / seconds }
  end
end

local function ratio(a, b)
  return a and b and ("%8.2f"):format(a.bytes / b.bytes) or "       -"
end

local function print_input(name, title, result)
  print(("\n%-34s %10s %9s %8s %8s %8s"):format(title, "events/s", "GB/s", "x 3.1.1", "x 3.0.6",
                                                "x memchr"))
  for _, reader in ipairs(readers) do
    local r = result[reader[1]]
    if r then
      local events = reader[1] == "memchr" and "" or ("%.2f M"):format(r.events / 1e6)
      print(("  %-32s %10s %9.2f %s %s %s"):format(reader[2], events, r.bytes / 1e9,
            ratio(r, result[peer]), ratio(r, result[peer .. "-3.0"]), ratio(r, result.memchr)))
    end
  end
  assert(result.c and result.lua, name .. ": nothing was measured")
end

local function print_traps()
  print(("\n%-40s %10s %10s %8s"):format("traps, counted in C", "ms", "twice: ms", "ratio"))
  for _, line in ipairs(assert(run(build .. "/parser_bench"))) do
    local name, once, twice = line:match("^(.-)\t(.-)\t(.-)$")
    print(("  %-38s %10.3f %10.3f %8.2f"):format(name, once * 1e3, twice * 1e3, twice / once))
  end
end

assert(run(("mkdir -p '%s' && %s bench/parser_inputs.lua '%s'"):format(folder, lua, folder)))
local results = {}
collect(results, build .. "/parser_bench")
collect(results, lua .. " bench/parser_bench.lua")
for _, package in ipairs{ peer, peer .. "-3.0" } do
  collect(results, "node bench/parser_bench.mjs " .. package)
end
print("3 MB in pieces of 16 KiB, the best of 7 rounds; eventsource-parser behind a TextDecoder")
for _, input in ipairs(inputs) do print_input(input[1], input[2], results[input[1]]) end
print_traps()
