--- The benchmark of JSON: writes the stream, has both processes measure in turns, prints tables.
-- usage: lua json.lua BUILD-FOLDER
local inputs = require "bench.json_inputs"

local build = assert(arg[1], "usage: lua json.lua BUILD-FOLDER")
local lua, stream = arg[-1], build .. "/bench-chunks"
local TURNS = tonumber(os.getenv "ROUNDS") or 3

local results = {} -- row -> reader -> { seconds, bytes }

-- Adds the lines that a command prints; of what was there the better.
local function collect(command)
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    local row, reader, seconds, bytes = line:match "^(.-)\t(.-)\t(.-)\t(.-)$"
    results[row] = results[row] or {}
    local old = results[row][reader]
    if not old or tonumber(seconds) < old.seconds then
      results[row][reader] = { seconds = tonumber(seconds), bytes = tonumber(bytes) }
    end
  end
  if not pipe:close() then io.stderr:write("left out, it failed: " .. command .. "\n") end
end

local function seconds(row, reader)
  local result = results[row] and results[row][reader]
  return result and result.seconds
end

local function print_deltas()
  local peer = seconds("delta", "eventsource-parser")
  local title = "bytes to the text of the delta, 231 bytes"
  print(("\n%-44s %9s %9s"):format(title, "MB/s", "x npm"))
  for _, reader in ipairs {
    { "eventsource-parser", "npm eventsource-parser + JSON.parse" },
    { "ev:json(path)", 'ev:json("choices", 1, "delta", "content")' },
    { "json.get", "sse.json.get in the parser's callback" }, { "ev:json()", "ev:json(), whole" },
    { "lua-cjson", "lua-cjson in the parser's callback, whole" },
    { "event alone", "the events alone" },
    { "parser alone", "the parser alone" },
  } do
    local result = results.delta[reader[1]]
    if result then
      print(("  %-42s %9.0f %9s"):format(reader[2], result.bytes / result.seconds / 1e6,
            peer and ("%.2f"):format(peer / result.seconds) or "-"))
    end
  end
end

local function print_values()
  print(("\n%-32s %9s %9s %9s %9s"):format("us", "ours", "lua-cjson", "x", "Lua alone"))
  for _, what in ipairs { "decode", "encode" } do
    for _, name in ipairs { "chunk", "tick", "document" } do
      local row = what .. " " .. name
      local ours, peer = seconds(row, "ours"), seconds(row, "lua-cjson")
      local floor = seconds(row, "Lua alone")
      local title = ("%s, %d bytes"):format(row, results[row].ours.bytes)
      print(("  %-30s %9.3f %9.3f %9.2f %9s"):format(title, ours * 1e6, peer * 1e6, peer / ours,
            floor and ("%.3f"):format(floor * 1e6) or ""))
    end
  end
end

local function print_events()
  print(("\n%-32s %9s %9s %9s  %s"):format("us, of a tick", "table", "string", "lua-cjson",
        "table / (string + lua-cjson)"))
  for _, row in ipairs { "sse.encode", "publish" } do
    local ours, text = seconds(row, "table"), seconds(row, "string")
    local peer = seconds(row, "lua-cjson")
    print(("  %-30s %9.3f %9.3f %9.3f  %.2f"):format(row, ours * 1e6, text * 1e6, peer * 1e6,
          ours / (text + peer)))
  end
end

local file <close> = assert(io.open(stream, "wb"))
assert(file:write(inputs.stream()))
file:close()
for _ = 1, TURNS do
  collect(("%s bench/json_bench.lua '%s'"):format(lua, stream))
  collect(("node bench/json_bench.mjs '%s'"):format(stream))
end
print(("the best of %d turns"):format(TURNS))
print_deltas()
print_values()
print_events()
