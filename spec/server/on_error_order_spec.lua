-- Who is told of an error in a callback: channel.on_error before the server's, standard error where
-- there is neither; and errors in on_error itself.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local task = require "sse.task"

-- Starts a server with one route, "/", and another, "/fine".
local function start(handler, options)
  return serving.start(options or {}, function(server)
    server:get("/", handler)
    server:get("/fine", function(_, res) res:reply(200, "fine") end)
  end)
end

local function assert_fine() assert.equal("fine", serving.ask("GET /fine").body) end

-- What is written to standard error while fn runs, which gets a function that returns it so far.
local function written(fn)
  local real, text = io.stderr, ""
  io.stderr = { write = function(_, bytes) text = text .. bytes end } -- luacheck: ignore 122
  local ok, err = pcall(fn, function() return text end)
  io.stderr = real -- luacheck: ignore 122
  assert(ok, err)
  return text
end

describe("channel.on_error", function()
  after_each(serving.stop)

  it("takes the errors of the channel's listeners and filters in place of the server's", function()
    local news, told, streams = sse.channel "own on_error", {}, {}
    news.on_error = function(err, context) told[#told + 1] = { err, context } end
    news:on("follow", function() error("listener", 0) end)
    start(function(_, res)
      local stream = res:event_stream()
      streams[#streams + 1] = stream
      stream.on_close = function() error("on_close", 0) end
      stream:follow(news, { where = function() error("filter", 0) end })
    end)
    local client = serving.listen()
    raw.pump(function() return told[1] end, "the listener's error")
    news:publish "x"
    client:rest()
    raw.pump(function() return told[2] and serving.errors[1] end, "the other errors")
    assert.matches("^listener\nstack traceback:", told[1][1])
    assert.same({ what = "channel:on", stream = streams[1], channel = news }, told[1][2])
    assert.matches("^filter\nstack traceback:", told[2][1])
    assert.same({ what = "where", stream = streams[1], channel = news }, told[2][2])
    assert.same({ what = "on_close", stream = streams[1] }, serving.errors[1].context)
    assert.equal(1, #serving.errors)
  end)

  it("may publish to the channel whose filter raised, and close it", function()
    local news = sse.channel "publishing on_error"
    news.on_error = function()
      assert(news:publish "sorry")
      news:close()
    end
    start(function(req, res)
      res:event_stream():follow(news, { where = function()
        return req.query.good or error "no idea"
      end })
    end)
    local good, bad = serving.listen "/?good=1", serving.listen()
    raw.pump(function() return news.followers == 2 end, "both followers")
    news:publish "x"
    bad:rest()
    assert.matches("data: sorry\n\n", good:rest())
  end)

  it("is nil or a function, and nil again", function()
    local news = sse.channel "checked on_error"
    assert.is_nil(news.on_error)
    news.on_error = print
    assert.equal(print, news.on_error)
    assert.error_matches(function() news.on_error = 5 end,
      "on_error must be a function or nil, got number")
    assert.equal(print, news.on_error)
    news.on_error = nil
    assert.is_nil(news.on_error)
  end)
end)

describe("without on_error", function()
  after_each(serving.stop)

  it("errors are written to standard error, and the loop goes on", function()
    local news = sse.channel "no on_error"
    news:on("leave", function() error("in listener", 0) end)
    local server = start(function(_, res)
      local stream = res:event_stream()
      stream.on_close = function() error("in on_close", 0) end
      stream:follow(news, { where = function() error("in filter", 0) end })
    end, { cors = { origin = function() error { status = 503, message = "in cors" } end } })
    server.on_error = nil
    local text = written(function(so_far)
      serving.ask("GET /fine?x=1", { Origin = "https://a.example" })
      local client = serving.listen()
      news:publish "x"
      client:rest()
      raw.pump(function() return so_far():find "in listener" end, "the listener's error")
    end)
    local lines = {}
    for line in text:gmatch "lua%-sse: [^\n]*" do lines[#lines + 1] = line end
    table.sort(lines)
    assert.same({
      "lua-sse: error in channel:on of channel 'no on_error': in listener",
      "lua-sse: error in cors GET /fine: 503 in cors",
      "lua-sse: error in on_close: in on_close",
      "lua-sse: error in where of channel 'no on_error': in filter",
    }, lines)
    assert.matches("in filter\nstack traceback:", text)
  end)
end)

describe("an object that can't be a text", function()
  local bad = setmetatable({}, { __tostring = function() error "no text" end })
  local none = setmetatable({}, { __tostring = function() return {} end })
  local headers = setmetatable({}, { __pairs = function() error(bad) end })
  local told = "an object whose __tostring raises"

  -- Raises as the first error, and closes a variable by an error that is `err`.
  local function close_by(err)
    local _ <close> = setmetatable({}, { __close = function() error(err) end })
    error "first"
  end

  after_each(serving.stop)

  for what, raise in pairs {
    ["handler GET /: " .. told] = function() error(bad) end,
    ["while it was closed: " .. told] = function() close_by(bad) end,
    ["closed: an object whose"] = function() close_by(none) end,
    ["can't be the response: " .. told] = function()
      error { status = 404, message = "x", headers = headers }
    end,
    ["a table that is no response"] = function()
      error(setmetatable({}, setmetatable({}, { __index = function() error(bad) end })))
    end,
    ["handler GET " .. told .. ": "] = function(req)
      req.path = bad
      error "x"
    end,
  } do
    it("does not stop the loop either: " .. what, function()
      local server = start(raise)
      server.on_error = nil
      local text = written(function() assert.equal(500, serving.ask("GET /").status) end)
      assert.truthy(text:find(what, 1, true), text)
      assert_fine()
    end)
  end
end)

describe("an error in on_error", function()
  after_each(serving.stop)

  -- Runs the loop until it raises; returns the error.
  local function raised()
    local ok, err = pcall(raw.pump, function() end, "an error")
    assert.is_false(ok)
    return tostring(err)
  end

  for what, begin in pairs {
    handler = function() error "first" end,
    on_close = function(res)
      local stream = res:event_stream()
      stream.on_close = function() error "first" end
      stream:close()
    end,
    where = function(res)
      local news = sse.channel("raising " .. tostring(res))
      news:publish "x"
      res:event_stream():follow(news, { from = "oldest", where = function() error "first" end })
    end,
  } do
    it(("about %s stops the loop, which raises it"):format(what), function()
      local server = start(function(_, res) begin(res) end)
      local told
      server.on_error = function(_, context)
        told = context.what
        error "second"
      end
      task.spawn(function() pcall(serving.ask, "GET /") end)
      local err = raised()
      assert.matches("second\nstack traceback:", err)
      assert.equal(what, told)
      assert.equal(1, select(2, err:gsub("stack traceback:", "")))
      assert_fine()
    end)
  end
end)
