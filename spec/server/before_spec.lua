-- What runs before handlers (server:before), and the handler of what has no route.
local entries = require "spec.support.entries"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames = misuse.blames

local function hello(_, res) res:reply(200, "hello") end

-- Starts a server whose "/" says hello, behind functions.
local function start(...)
  local list = { ... }
  return serving.start(function(server)
    server:get("/", hello)
    for _, fn in ipairs(list) do server:before(fn) end
  end)
end

serving.each("server:before", function()
  after_each(serving.stop)

  it("runs in order, in the handler's task, and may wait", function()
    local order = {}
    serving.start(function(server)
      server:get("/hello/:name", function(req, res)
        order[#order + 1] = "handler"
        res:reply(200, req.greeting .. " " .. req.user)
      end)
      assert.equal(server, server:before(function(req)
        sse.sleep(2)
        req.user = req.params.name
        order[#order + 1] = 1
      end))
      server:before(function(req)
        order[#order + 1] = 2
        req.greeting = "hello"
      end)
    end)
    assert.equal("hello ann", serving.ask("GET /hello/ann").body)
    assert.same({ 1, 2, "handler" }, order)
  end)

  it("goes no further once it is answered, whole, in pieces, by a file or by a stream", function()
    local later = {}
    local answers = {
      whole = function(_, res) res:reply(401, "log in") end,
      pieces = function(_, res)
        res:write_head(401)
        res:write "log in"
      end,
      file = function(req, res) sse.file("README.md")(req, res) end,
      stream = function(_, res) res:event_stream():close() end,
      redirect = function(_, res) res:redirect "/login" end,
    }
    for name, answer in pairs(answers) do
      start(answer, function() later[#later + 1] = name end)
      assert.not_equal("hello", serving.ask("GET /").body, name)
      assert.same({}, serving.errors)
      serving.stop()
    end
    assert.same({}, later)
  end)

  it("can detach the response, and answer later", function()
    start(function(_, res)
      res:detach()
      sse.after(2, function() res:reply(200, "later") end)
    end)
    assert.equal("later", serving.ask("GET /").body)
    assert.same({}, serving.errors)
  end)

  it("runs for what has no route, for other methods, and for OPTIONS", function()
    local seen = {}
    start(function(req) seen[#seen + 1] = req.method .. " " .. req.path end)
    assert.equal(404, serving.ask("GET /nowhere").status)
    assert.equal(405, serving.ask("POST /", nil, "x").status)
    assert.equal(204, serving.ask("OPTIONS /").status)
    assert.same({ "GET /nowhere", "POST /", "OPTIONS /" }, seen)
  end)

  it("does not run for a preflight that cors answers, and its answers have the fields", function()
    serving.start({ cors = { origin = "https://a" } }, function(server)
      server:get("/", hello)
      server:before(function(_, res) res:reply(401) end)
    end)
    local asked = { Origin = "https://a", ["Access-Control-Request-Method"] = "GET" }
    assert.equal(204, serving.ask("OPTIONS /", asked).status)
    local got = serving.ask("GET /", { Origin = "https://a" })
    assert.equal(401, got.status)
    assert.equal("https://a", got.headers["access-control-allow-origin"])
    asked.Origin = "https://b"
    assert.equal(401, serving.ask("OPTIONS /", asked).status)
  end)

  it("that raises is answered and reported as a handler is", function()
    start(function(req)
      if req.query.who == "none" then error { status = 403, message = "no" } end
      error "oops"
    end)
    local got = serving.ask "GET /?who=none"
    assert.same({ 403, "no" }, { got.status, got.body })
    assert.same({}, serving.errors)
    assert.equal(500, serving.ask("GET /").status)
    assert.equal("before", serving.errors[1].context.what)
    assert.truthy(serving.errors[1].message:find "oops")
  end)

  it("that answers twice is reported, and the first answer stands", function()
    start(function(_, res)
      res:reply(200, "first")
      res:reply(200, "second")
    end)
    assert.equal("first", serving.ask("GET /").body)
    raw.pump(function() return #serving.errors == 1 end, "the report")
    assert.truthy(serving.errors[1].message:find("the request was answered already", 1, true))
  end)

  it("that waits while the client leaves keeps nothing, and no handler runs after it", function()
    local resume, waits, handled = nil, false, false
    entries.start(function(server)
      server:get("/", function() handled = true end)
      server:before(function(_, res)
        sse.await(function(done) resume, waits = done, true end)
        res:reply(401, "log in")
      end)
    end, { idle_timeout = 20 }) -- within which an HTTP/1.1 client is known to have left
    local leave = serving.begin "GET /"
    raw.pump(function() return waits end, "the wait")
    leave()
    entries.check(1, { status = 0, reason = "client" })
    serving.idle()
    resume()
    sse.sleep(1)
    assert.is_false(handled)
    assert.same({}, serving.errors)
  end)

  it("that waits for ever is no obstacle to close", function()
    local waits = false
    local server = start(function() sse.await(function() waits = true end) end)
    serving.begin "GET /"
    raw.pump(function() return waits end, "the wait")
    server:close()
    serving.idle()
  end)
end)

describe("server:before with a prefix", function()
  after_each(serving.stop)

  -- Whether a function for the prefix runs for a target.
  local function runs(prefix, targets)
    local ran
    serving.start(function(server)
      server:before(prefix, function() ran = true end)
      server:fallback(hello)
    end)
    local list = {}
    for _, target in ipairs(targets) do
      ran = false
      serving.request("GET " .. target .. " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      if ran then list[#list + 1] = target end
    end
    return list
  end

  local BELOW = { "/admin", "/admin/", "/admin/x", "/admin?x", "/admin/x/y?z", "/%61dmin/x",
    "//admin", "//admin//x", "/admin%2Fx", "%2Fadmin", "/./admin", "/x/../admin", "/x/%2e%2E/admin",
    "/admin/../x", "/../admin", "/a/b/../../admin/x", "http://a/admin/x", "/%2e/admin",
    "/.//admin" }

  it("runs for whatever somebody could take for a path below it", function()
    for _, prefix in ipairs { "/admin", "/admin/" } do
      local targets = table.move(BELOW, 1, #BELOW, 1, {})
      table.remove(targets, 10) -- no target begins so
      assert.same(targets, runs(prefix, targets))
      serving.stop()
    end
  end)

  it("does not run for others", function()
    assert.same({}, runs("/admin", { "/", "/administrator", "/admi", "/x/admin", "/Admin",
      "/admin.html", "/x/.admin", "/.admin", "/%2561dmin", "/x%2Fadmin" }))
  end)

  it("takes / for all", function()
    assert.same({ "/", "/x" }, runs("/", { "/", "/x" }))
  end)

  it("of several segments wants all of them", function()
    assert.same({ "/a/b", "/a/b/c", "/a//%62" }, runs("/a/b", { "/a", "/a/b", "/a/b/c", "/a//%62",
      "/a/c", "/b/a/b" }))
  end)

  it("leaves what is answered before to nobody", function()
    local ran = {}
    local server = serving.start(function(server)
      server:get("/admin", hello)
      server:before("/admin", function(req, res)
        ran[#ran + 1] = 1
        if req.query.stop then res:reply(403) end
      end)
      server:before(function() ran[#ran + 1] = 2 end)
    end)
    assert.equal(200, serving.ask("GET /admin").status)
    assert.equal(403, serving.ask("GET /admin?stop").status)
    assert.same({ 1, 2, 1 }, ran)
    server:before(function() ran[#ran + 1] = 3 end)
    serving.ask "GET /admin"
    assert.same({ 1, 2, 1, 1, 2, 3 }, ran)
  end)

  it("raises on misuse", function()
    local server = sse.server()
    blames("server:before: expected a function, got nil", function() server:before() end)
    blames("server:before: expected a function, got string \"x\"", function() server:before "x" end)
    blames("server:before: expected a function, got nil", function() server:before("/x", nil) end)
    blames("server:before: a pattern must be a string that begins with '/', got string \"x\"",
      function() server:before("x", print) end)
    blames("prefix '/:a': ':' means nothing here: a prefix has no parameters",
      function() server:before("/:a", print) end)
    blames("write it decoded", function() server:before("/%61", print) end)
    blames("call it with ':' (server:before)", function() server.before("/x", print) end)
  end)
end)

serving.each("server:fallback", function()
  after_each(serving.stop)

  it("gets what has no route, with any method, behind what runs before", function()
    serving.start(function(server)
      server:get("/a", hello)
      server:before(function(req) req.user = "ann" end)
      assert.equal(server, server:fallback(function(req, res)
        res:reply(200, ("%s %s %s %s"):format(req.method, req.path, req.user, next(req.params)))
      end))
    end)
    assert.equal("GET /b ann nil", serving.ask("GET /b").body)
    assert.equal("POST /b/c ann nil", serving.ask("POST /b/c", nil, "x").body)
    assert.equal("OPTIONS /b ann nil", serving.ask("OPTIONS /b").body)
    assert.equal("hello", serving.ask("GET /a").body)
    assert.equal(405, serving.ask("POST /a", nil, "x").status)
    assert.equal(204, serving.ask("OPTIONS /a").status)
  end)

  it("that answers nothing is an error", function()
    serving.start(function(server) server:fallback(function() end) end)
    assert.equal(500, serving.ask("GET /b").status)
    assert.equal("handler", serving.errors[1].context.what)
  end)

  it("raises on misuse", function()
    local server = sse.server()
    blames("server:fallback: expected a function, got nil", function() server:fallback() end)
    server:fallback(print)
    blames("there is a fallback already", function() server:fallback(print) end)
  end)
end)
