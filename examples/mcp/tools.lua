--- The tools of examples/mcp.lua. A tool has the fields of the protocol and `run(arguments, call)`,
-- a task that may wait. It returns a text, a table, or nil and what the model did wrong.
-- `call:progress(done, total, message)` tells the client how far it is. A call that is cancelled
-- ends where it waits, and its `<close>` variables are closed.
local sse = require "sse"

local NUMBER, COUNT = { type = "number" }, { type = "integer", minimum = 1, maximum = 1000 }

local add = {
  name = "add", title = "Sum", description = "Adds two numbers.",
  inputSchema = {
    type = "object", properties = { a = NUMBER, b = NUMBER }, required = { "a", "b" },
  },
  outputSchema = { type = "object", properties = { sum = NUMBER }, required = { "sum" } },
  run = function(arguments) return { sum = arguments.a + arguments.b } end,
}

local count = {
  name = "count", title = "Slow count",
  description = "Counts up to a number, and waits `pause` milliseconds before each step.",
  inputSchema = {
    type = "object", properties = { to = COUNT, pause = COUNT }, required = { "to" },
    additionalProperties = false,
  },
  run = function(arguments, call)
    for n = 1, arguments.to do
      sse.sleep(arguments.pause or 500)
      call:progress(n, arguments.to, "at " .. n)
    end
    return "counted to " .. arguments.to
  end,
}

local divide = {
  name = "divide", description = "Divides a by b.",
  inputSchema = add.inputSchema,
  run = function(arguments)
    if arguments.b == 0 then return nil, "b must not be 0: take another one" end
    return ("%.17g"):format(arguments.a / arguments.b)
  end,
}

return { add, count, divide }
