-- A hostile server: responses byte by byte, values that would spoil a log or a terminal, floods of
-- cookies. And passwords, which no message may show.
local certs = require "spec.support.certs"
local fixture = require "spec.support.fixture"
local lfs = require "lfs"
local new_server = require "sse.server"
local sse = require "sse"

local serve, open, record = fixture.serve, fixture.source, fixture.record

describe("a server that means it ill", function()
  after_each(fixture.finish)

  it("sends a body, lines and a refused response byte by byte", function()
    local text = ("0123456789"):rep(300) .. "\nlast"
    local function bytes(status)
      return function(conn)
        conn:head(status, "Transfer-Encoding: chunked", "Content-Type: text/plain")
        for i = 1, #text do conn:chunk(text:sub(i, i)) end
        conn:chunk ""
      end
    end
    local good, bad = serve(bytes(200)), serve(bytes(500))
    assert.equal(text, assert(sse.fetch(good:url())):text())
    local lines = {}
    for line in assert(sse.fetch(good:url())):lines() do lines[#lines + 1] = line end
    assert.equal(text, table.concat(lines, "\n"))
    assert.equal(text, record(open(bad:url())).till("error").event.body)
    local _, _, _, why = sse.fetchEventSource(bad:url(), { onerror = function() return false end })
      :wait()
    assert.equal(text, why.body)
  end)

  it("has its words shown in short and without control characters", function()
    local server = fixture.answer(200, "x", "Content-Type: a\27[2Jb" .. ("c"):rep(1000))
    local why = record(open(server:url())).till("error").event
    assert.equal("ETYPE", why.code)
    assert.matches("'a?[2Jbccc", why.message, 1, true)
    assert.is_true(#why.message < 200)
    assert.matches("a\27[2J", why.headers["content-type"], 1, true)
  end)

  it("has a certificate's name and a scheme shown so, too", function()
    certs.sign("odd", "email:a@b.example", nil, "/CN=odd\27[2Jname")
    local tls = { cert = certs.path "odd.pem", key = certs.path "odd.key" }
    local server = new_server { host = "127.0.0.1", port = 0, tls = tls }
    local _ <close> = setmetatable({}, { __close = function() server:close() end })
    assert(server:listen())
    local url = ("https://127.0.0.1:%d/"):format(server.port)
    local _, message, code = sse.fetch(url, { tls = certs.client() })
    assert.equal("ECERT", code)
    assert.matches("odd?[2Jname", message, 1, true)
    local other = serve(function(conn)
      conn:reply(302, "", "Location: " .. ("s"):rep(9000) .. ":x")
    end)
    _, message, code = sse.fetch(other:url())
    assert.same({ "EREDIRECT", true }, { code, #message < 100 })
  end)

  it("sees no password in the text of a response or a source", function()
    local server = fixture.answer(200, "x")
    local url = ("http://user:secret@127.0.0.1:%d/a"):format(server.port)
    local source, res = open(url), assert(sse.fetch(url))
    for _, object in ipairs { source, res } do
      assert.is_nil(tostring(object):find "secret")
      assert.matches("/a$", tostring(object))
    end
    assert.equal(url, source.url)
  end)

  -- Serves fifty cookies of one byte a response: the even ones for "/a", the odd ones for "/b".
  local function baker()
    local baked = 0
    return serve(function(conn, request)
      if request.target:find "/[ab]$" then return conn:reply(200, request.headers.cookie or "") end
      local fields = {}
      for i = 1, 50 do
        baked = baked + 1
        fields[i] = ("Set-Cookie: c%d=x; Path=/%s; Max-Age=1000"):format(baked,
          baked % 2 == 0 and "a" or "b")
      end
      conn:reply(200, "", table.unpack(fields))
    end)
  end

  local function ask(url, proxy)
    return assert(sse.fetch(url, { withCredentials = true, proxy = proxy or "" })):text()
  end

  local function count(url, proxy)
    local n = 0
    for _, path in ipairs { "a", "b" } do
      n = n + select(2, ask(url .. path, proxy):gsub("c%d+=x", ""))
    end
    return n
  end

  it("bakes no more than 180 cookies, and takes no other site's", function()
    local server, other = baker(), serve(function(conn, request)
      conn:reply(200, request.headers.cookie or "", "Set-Cookie: mine=1; Path=/; Max-Age=1000")
    end)
    local home = ("http://localhost:%d/"):format(other.port)
    ask(home)
    for _ = 1, 8 do ask(server:url "/") end
    assert.equal(180, count(server:url "/"))
    assert.matches("c400=x", ask(server:url "/a"), 1, true)
    assert.equal("mine=1", ask(home))
  end)

  it("bakes no more than 1000 cookies under many names", function()
    local server = baker()
    local function url(i) return ("http://host%d.invalid/"):format(i) end
    for i = 1, 8 do
      for _ = 1, 4 do ask(url(i), server:url()) end
    end
    local n = 0
    for i = 1, 8 do n = n + count(url(i), server:url()) end
    assert.is_true(n > 800 and n <= 1000, n)
  end)

  it("fills no file of cookies", function()
    local path, baked = os.tmpname(), 0
    local _ <close> = setmetatable({}, { __close = function() os.remove(path) end })
    local server = serve(function(conn)
      local fields = {}
      for i = 1, 15 do
        baked = baked + 1
        fields[i] = ("Set-Cookie: c%d=%s; Path=/%d; Max-Age=1000"):format(baked, ("x"):rep(4000),
          baked)
      end
      conn:reply(200, "", table.unpack(fields))
    end)
    for _ = 1, 30 do
      assert(sse.fetch(server:url(), { withCredentials = true, cookieFile = path })):text()
    end
    assert.is_true(baked * 4000 > 1700000)
    local size = lfs.attributes(path, "size")
    assert.is_true(size > 600000 and size < 1500000, size)
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
  end)

  it("can name an event error: it has no failure, and ends nothing", function()
    local server = serve(function(conn)
      conn:stream():send "event: error\ndata: mine\n\nevent: open\ndata: too\n\ndata: x\n\n"
    end)
    local source = open(server:url())
    local log = record(source)
    local event = log.till("error").event
    log.till "message"
    assert.same({ data = "mine" }, { data = event.data, code = event.code, message = event.message,
      failure = event.failure })
    assert.same({ 1, nil }, { source.readyState, source.failure })
  end)
end)
