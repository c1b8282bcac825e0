-- A program that ends without having run the loop says so on standard error. Programs that end on
-- purpose say nothing.
local child = require "spec.support.child"

local LINE = "lua-sse: the program ended before the loop ran: "

-- What a program prints.
local function printed_by(code)
  local program = child.script('local sse = require "sse"\n' .. code)
  assert.equal(0, program:wait(), program:output())
  return program:output()
end

describe("the end of a program", function()
  after_each(child.stop)

  for what, code in pairs {
    ["that forgot sse.run()"] = 'sse.after(60000, print)',
    ["that listens, and forgot server:run()"] = 'sse.server { port = 0 }:listen()',
    ["that made more after the loop had run"] = 'sse.run(print) sse.after(60000, print)',
    ["that closes its state by os.exit"] = 'sse.after(60000, print) os.exit(0, true)',
  } do
    it(what .. " is told", function()
      assert.truthy(printed_by(code):find(LINE, 1, true))
    end)
  end

  for what, code in pairs {
    ["that closed its server"] = 'local s = sse.server { port = 0 } s:listen() s:close()',
    ["that stopped its timer"] = 'sse.after(60000, print):stop()',
    ["whose timer keeps nothing running"] = 'sse.after(60000, print):unref()',
    ["that cancelled its task"] = 'sse.spawn(print):cancel()',
    ["that stopped the loop"] = 'sse.after(60000, print) sse.run(sse.stop)',
    ["whose loop ended by an error"] =
      'sse.after(60000, print) pcall(sse.run, function() error "x" end)',
    ["that waited"] = 'sse.after(60000, print) sse.sleep(1)',
    ["that closed a stored channel"] = [[
      local path = os.tmpname()
      local store = sse.sqlite(path)
      local channel = sse.channel("x", { store = store })
      channel:publish "y"
      channel:close()
      os.remove(path)]],
    ["that only has a channel"] = 'sse.channel "x":publish "y"',
    ["that leaves by os.exit"] = 'sse.after(60000, print) os.exit(0)',
    ["that is the forked child of one whose loop has not run"] = [[
      local process = require "spec.process"
      local timer = sse.after(60000, print)
      local id = process.fork()
      if id > 0 then
        timer:stop()
        repeat sse.sleep(1) until process.ended(id)
      end]],
  } do
    it(what .. " is silent", function()
      local text = printed_by(code)
      assert.is_nil(text:find(LINE, 1, true), text)
    end)
  end
end)
