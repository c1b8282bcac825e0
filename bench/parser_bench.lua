--- The parser with callbacks in Lua: (data, type, id).
-- usage: lua parser_bench.lua FILE...
-- Prints FILE, what, events a pass, bytes a pass, best seconds a pass.
local core = require "sse.core"
local PIECE, ROUNDS, ROUND_SECONDS = 16384, 7, 0.12

local function pieces_of(path)
  local file <close> = assert(io.open(path, "rb"))
  local pieces, size = {}, 0
  for piece in file:lines(PIECE) do
    pieces[#pieces + 1], size = piece, size + #piece
  end
  return pieces, size
end

local function best_of(run)
  local best = math.huge
  for _ = 1, ROUNDS do
    local start, passes, taken = os.clock(), 0
    repeat
      run()
      passes, taken = passes + 1, os.clock() - start
    until taken >= ROUND_SECONDS
    best = math.min(best, taken / passes)
  end
  return best
end

for _, path in ipairs(arg) do
  local pieces, size = pieces_of(path)
  local events, bytes = 0, 0
  local parser = core.parser{ on_event = function(data, type, id)
    events, bytes = events + 1, bytes + #data
    return type, id
  end }
  local best = best_of(function()
    events = 0
    parser:reset()
    for i = 1, #pieces do assert(parser:feed(pieces[i])) end
  end)
  print(("%s\tlua\t%d\t%d\t%.9f"):format(path, events, size, best))
end
