-- Random scripts against a model: no event is missing or comes twice, unless a gap event says so.
-- `make model` runs 10,000; SSE_MODEL_SEED is the seed of the first script, SSE_MODEL_SCRIPTS their
-- number.
local net = require "spec.support.net"
local run = require "spec.support.scripts"

local many = tonumber(os.getenv "SSE_MODEL_SCRIPTS") or net.stress and 30 or 300
local first = tonumber(os.getenv "SSE_MODEL_SEED") or 1

describe("channel model", function()
  it(("line 48: %d scripts from seed %d"):format(many, first), function() run(first, many) end)
end)
