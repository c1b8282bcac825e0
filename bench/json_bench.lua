--- One round of the JSON benchmark, in a process of its own. usage: lua json_bench.lua STREAM
-- Prints lines of: row, reader, seconds a pass, bytes a pass; the peers take turns with ours.
local cjson = require "cjson"
local core = require "sse.core"
local event = require "sse.event"
local inputs = require "bench.json_inputs"
local sse = require "sse"

local PIECE, ROUNDS, ROUND_SECONDS = 16384, 5, 0.08

-- The best seconds a pass of each of several functions, which take turns.
local function best_of(functions)
  local best = {}
  for _ = 1, ROUNDS do
    for i, run in ipairs(functions) do
      local start, passes, taken = os.clock(), 0
      repeat
        for _ = 1, 20 do run[2]() end
        passes, taken = passes + 20, os.clock() - start
      until taken >= ROUND_SECONDS
      best[i] = math.min(best[i] or math.huge, taken / passes)
    end
  end
  return best
end

local function measure(row, bytes, functions)
  local best = best_of(functions)
  for i, run in ipairs(functions) do
    print(("%s\t%s\t%.12f\t%d"):format(row, run[1], best[i], bytes))
  end
end

-- A Lua expression that builds the value, so that Lua alone makes the same tables.
local function expression(value)
  if type(value) ~= "table" then return ("%q"):format(value) end
  local parts = {}
  for key, member in pairs(value) do
    parts[#parts + 1] = type(key) == "number" and expression(member)
      or ("[%q]=%s"):format(key, expression(member))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function values()
  for _, name in ipairs { "chunk", "tick", "document" } do
    local text = inputs[name]()
    local value = sse.json.decode(text)
    local build = assert(load("return " .. expression(value)))
    local ours, peer = sse.json, cjson
    measure("decode " .. name, #text, {
      { "ours", function() return ours.decode(text) end },
      { "lua-cjson", function() return peer.decode(text) end }, { "Lua alone", build },
    })
    measure("encode " .. name, #text, {
      { "ours", function() return ours.encode(value) end },
      { "lua-cjson", function() return peer.encode(value) end },
    })
  end
end

local function events()
  local value = sse.json.decode(inputs.tick())
  local text = cjson.encode(value)
  local channel = sse.channel("bench", { history = 100 })
  local function with_cjson() return cjson.encode(value) end
  for row, send in pairs {
    ["sse.encode"] = function(data) return sse.encode { event = "tick", data = data } end,
    publish = function(data) return channel:publish { event = "tick", data = data } end,
  } do
    measure(row, #text, {
      { "table", function() return send(value) end },
      { "string", function() return send(text) end },
      { "lua-cjson", with_cjson },
    })
  end
end

local function pieces_of(path)
  local file <close> = assert(io.open(path, "rb"))
  local pieces, size = {}, 0
  for piece in file:lines(PIECE) do pieces[#pieces + 1], size = piece, size + #piece end
  return pieces, size
end

local MessageEvent, setmetatable = event.MessageEvent, setmetatable
local get, cdecode = sse.json.get, cjson.decode
local length = 0

-- Events are made as the client makes them, without a call (lua/sse/client/event_delivery.lua).
local texts = {
  { "parser alone", function(data) length = length + #data end },
  { "event alone", function(data, type_, id)
    local ev = setmetatable({ type = type_, data = data, lastEventId = id }, MessageEvent)
    length = length + #ev.data
  end },
  { "ev:json(path)", function(data, type_, id)
    local ev = setmetatable({ type = type_, data = data, lastEventId = id }, MessageEvent)
    length = length + #ev:json("choices", 1, "delta", "content")
  end },
  { "json.get", function(data) length = length + #get(data, "choices", 1, "delta", "content") end },
  { "ev:json()", function(data, type_, id)
    local ev = setmetatable({ type = type_, data = data, lastEventId = id }, MessageEvent)
    length = length + #ev:json().choices[1].delta.content
  end },
  { "lua-cjson", function(data) length = length + #cdecode(data).choices[1].delta.content end },
}

local function deltas(path)
  local pieces, size = pieces_of(path)
  local functions = {}
  for i, reader in ipairs(texts) do
    local parser = core.parser { on_event = reader[2] }
    functions[i] = { reader[1], function()
      parser:reset()
      for k = 1, #pieces do assert(parser:feed(pieces[k])) end
    end }
  end
  local best = {}
  for _ = 1, 7 do
    for i, run in ipairs(functions) do
      local start = os.clock()
      run[2]()
      best[i] = math.min(best[i] or math.huge, os.clock() - start)
    end
  end
  for i, run in ipairs(functions) do
    print(("delta\t%s\t%.12f\t%d"):format(run[1], best[i], size))
  end
end

deltas(arg[1])
values()
events()
