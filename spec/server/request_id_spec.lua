-- The id of a request: req.id, entry.id, and in the access log.
local certs = require "spec.support.certs"
local entries = require "spec.support.entries"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local MADE = "^" .. ("[0-9a-f]"):rep(16) .. "$"

serving.each("a request's id", function()
  after_each(serving.stop)

  local function start()
    entries.start(function(server)
      server:get("/", function(req, res) res:reply(200, req.id) end)
    end)
  end

  it("is the client's, if it is one", function()
    start()
    for i, id in ipairs { "x", "Root=1-67891233-abcdef012345678912345678", ("a"):rep(128),
      "a.b_c~d+e/f:g;h@i" } do
      assert.equal(id, serving.ask("GET /", { ["X-Request-Id"] = id }).body)
      entries.check(i, { id = id })
    end
  end)

  it("is made otherwise, a new one for each request", function()
    start()
    local seen, n = {}, 0
    for _, id in ipairs {
      "", ("a"):rep(129), "a b", "a,b", 'a"b', "a\\b", "ä", "{}", "<b>", "a\tb",
    } do
      n = n + 1
      local got = serving.ask("GET /", { ["X-Request-Id"] = id }).body
      assert.truthy(got:find(MADE), got)
      assert.is_nil(seen[got])
      seen[got] = true
      entries.check(n, { id = got })
    end
  end)

  it("comes back with the option request_id, also on errors and what has no handler", function()
    for _, cors in ipairs { false, { origin = "https://a" } } do
      serving.start({ request_id = true, cors = cors or nil }, function(server)
        server:get("/", function(req, res) res:reply(200, req.id) end)
        server:get("/stream", function(_, res) res:event_stream():close() end)
        server:get("/raises", function(_, res)
          res:header("X-Mine", "1")
          error "oops"
        end)
        server:get("/twice", function(_, res) res:reply(200, "", { ["x-request-ID"] = "y" }) end)
      end)
      local fields = { ["X-Request-Id"] = "mine", Origin = "https://a" }
      for target, status in pairs { ["/"] = 200, ["/stream"] = 200, ["/raises"] = 500,
        ["/nowhere"] = 404, ["/twice"] = 500 } do
        local got = serving.ask("GET " .. target, fields)
        assert.equal(status, got.status)
        assert.equal("mine", got.headers["x-request-id"], target)
        assert.equal(cors and "https://a" or nil, got.headers["access-control-allow-origin"])
      end
      assert.truthy(serving.ask("GET /").headers["x-request-id"]:find(MADE))
      local told = tostring(serving.errors[1].message) .. tostring(serving.errors[2].message)
      assert.truthy(told:find("'x-request-ID' is set by the server's option request_id", 1, true))
      serving.stop()
    end
  end)

  it("may be set by the program, and is absent where no request came to a handler", function()
    entries.start(function(server)
      server:get("/", function(req, res)
        req.id = 5
        res:reply(200)
      end)
    end, { max_body_size = 10 })
    serving.ask "GET /"
    entries.check(1, { id = 5 })
    serving.ask("POST /", nil, ("x"):rep(11))
    entries.check(2, { status = 413, id = false })
  end)
end)

describe("a request's id in the access log", function()
  local file

  after_each(function()
    serving.stop()
    if file then file:close() end
    file = nil
  end)

  -- The line of a request whose handler sets an id.
  local function log_of(format, id)
    file = assert(io.open(certs.path "access.log", "w"))
    serving.start({ access_log = { format = format, file = file } }, function(server)
      server:get("/", function(req, res)
        req.id = id
        res:reply(200)
      end)
    end)
    serving.ask "GET /"
    local text
    raw.pump(function()
      text = certs.read "access.log"
      return text:find "\n$"
    end, "a line")
    return text
  end

  it("is one word, whatever the program sets", function()
    local line = log_of("common", 'a b\n"c"\\\u{9b}')
    assert.truthy(line:find([[ finished a\x20b\x0a\"c\"\\\xc2\x9b]] .. "\n", 1, true), line)
    serving.stop()
    file:close()
    line = log_of("json", 'a b\n"c"\\\u{9b}')
    assert.truthy(line:find([["id":"a b\u000a\"c\"\\\u009b",]], 1, true), line)
  end)
end)
