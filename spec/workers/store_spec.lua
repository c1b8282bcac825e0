-- sse.workers over a store: what `make chaos-workers` does for a minute, in short.
local blocks = require "spec.support.blocks"
local child = require "spec.support.child"
local curl = require "spec.support.curl"
local net = require "spec.support.net"
local newsroom = require "spec.support.newsroom"
local ports = require "spec.support.ports"
local sse = require "sse"
local temporary = require "spec.support.temporary"

describe("workers on one file", function()
  after_each(function()
    curl.stop()
    newsroom.stop()
  end)

  it("have one order, and lose nothing when one is killed or all are replaced", function()
    local got = newsroom.run { -- in the stress run each event costs every reader a collection
      seconds = 3, rate = net.stress and 10 or 200, kills = 2, reloads = 2,
      steady = net.stress and 2 or 4, restless = net.stress and 1 or 4,
    }
    assert.same({}, got.faults)
    assert.is_true(got.resumes > 0)
  end)

  it("keep what their last callbacks publish", function()
    local path, port = temporary.folder() .. "/last.db", ports.free()
    local program = child.script(([[
      local sse = require "sse"
      local ok, message = sse.workers { count = 2, listen = { port = %d }, run = function()
        local server = sse.server { port = %d }
        local news = sse.channel("news", { store = sse.sqlite %q })
        server:get("/", function(_, res)
          local stream = res:event_stream()
          stream.on_close = function() news:publish "left" end
          stream:follow(news)
        end)
        assert(server:run { within = 0 })
      end }
      assert(ok, message)
    ]]):format(port, port, path))
    local clients = {}
    for i = 1, 4 do
      local words = "--retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:%d/"
      clients[i] = curl.start(words:format(port))
    end
    for _, client in ipairs(clients) do client:till "\n\n" end
    program:kill "TERM"
    assert.equal(0, program:wait(), program:output())
    local store <close> = sse.sqlite(path)
    local news = sse.channel("news", { store = store })
    local held = {}
    for event in news:events { from = "oldest" } do
      held[#held + 1] = event.data
      if #held == 4 then break end
    end
    assert.same({ "left", "left", "left", "left" }, held)
    news:close()
  end)

  it("are what the how-to shows", function()
    local code, port = nil, ports.free()
    for _, block in ipairs(blocks.of_page("docs/howto/two-processes.md", "lua")) do
      if block.code:find "sse%.workers" then code = block.code end
    end
    code = code:gsub("9522", port):gsub("/var/lib/app", temporary.folder())
    local program = child.script(code)
    local url = ("http://127.0.0.1:%d/news"):format(port)
    local client = curl.start("--retry 20 --retry-delay 1 --retry-connrefused " .. url)
    client:till "id: [^\n]+\n\n" -- only now the client has its place
    assert.equal(204, assert(sse.fetch(url, { method = "POST", body = "It rains" })).status)
    client:till "\ndata: It rains\n\n"
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)
end)
