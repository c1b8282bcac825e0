-- Every block of Lua in the pages of docs/reference is run. It must not raise, and where a comment
-- `--> text` says so, it must print the text.
local blocks = require "spec.support.blocks"
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local lfs = require "lfs"
local serving = require "spec.support.serving"

local FOLDER = "docs/reference/"

local silent = {} -- responses that did not come
local over -- no more of them: the page's program was ended

-- What clients' blocks ask.
local function add_routes(server)
  server:get("/clock", function(_, res)
    local stream <close> = res:event_stream()
    stream:send { event = "time", data = "noon" }
  end)
  server:get("/silent", function(_, res)
    if over then return res:reply(204) end
    res:detach()
    silent[#silent + 1] = res
  end)
  server:get("/prices", function(_, res) res:event_stream():close() end)
  server:post("/", function(_, res) res:reply(200, "fine\n") end)
end

-- What the blocks of a page have printed, by line.
local function run(path)
  local tls = certs.server()
  local program = child.start(("spec/support/page_examples.lua %s %s"):format(path, serving.url ""),
    ("CERT='%s' KEY='%s'"):format(tls.cert, tls.key))
  assert.equal(0, program:wait())
  local printed, block = {}, nil
  for line in program:output():gmatch "([^\n]*)\n" do
    local number = line:match "^=== (%w+)$"
    if number then block = tonumber(number) or number
    elseif block then printed[block] = printed[block] .. line .. "\n" end
    if number then printed[block] = "" end
  end
  assert(printed["end"], program:output())
  return printed
end

-- The texts that a block says it prints, in order.
local function promised(code)
  local list = {}
  for text in code:gmatch "%-%->%s*([^\n]*)" do list[#list + 1] = text end
  return list
end

local function check(where, block, text)
  assert.truthy(text, where .. " was not run")
  assert.is_nil(text:find "FAILED" or text:find "traceback", ("%s: %s"):format(where, text))
  local from = 1
  for _, wanted in ipairs(promised(block.code)) do
    local _, to = text:find(wanted, from, true)
    assert.truthy(to, ("%s: no '%s' in '%s'"):format(where, wanted, text))
    from = to + 1
  end
end

describe("the examples in", function()
  before_each(function()
    over = false
    serving.start(add_routes)
  end)
  after_each(function()
    child.stop()
    over = true -- one may still be on its way
    for _, res in ipairs(silent) do res:reply(204) end
    silent = {}
    serving.stop()
  end)

  for name in lfs.dir(FOLDER) do
    local path = FOLDER .. name
    if name:find "%.md$" then
      it(path, function()
        local printed = run(path)
        for _, block in ipairs(blocks.of_page(path)) do
          check(("%s:%d"):format(path, block.line), block, printed[block.line])
        end
      end)
    end
  end
end)
