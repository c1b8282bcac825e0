-- server:listen { unix = path }: its file, who may connect, and that it works as any listener does.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local keep = require "spec.support.kept"
local lfs = require "lfs"
local process = require "spec.process"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

-- A path in a folder of its own.
local function path_of(name) return certs.path(name) end

local function routes(server)
  server:get("/", function(req, res)
    res:reply(200, ("%s %s"):format(req.remote_address, req.scheme))
  end)
  server:get("/stream", function(_, res) keep(res:event_stream()):send "one" end)
end

local function get(path, options, fields)
  options = options or {}
  options.unixSocket, options.headers = path, fields
  local scheme = options.tls and "https" or "http"
  local res, message, code = sse.fetch(scheme .. "://localhost/", options)
  if not res then return nil, message, code end
  return res:text()
end

local function permissions(path) return lfs.attributes(path, "permissions") end

describe("a server's Unix socket", function()
  local path
  before_each(function() path = path_of "a.sock" end)
  after_each(function()
    child.stop()
    serving.stop()
    os.remove(path)
  end)

  it("serves beside the other listeners", function()
    local server = serving.start(routes)
    local port = server.port
    assert.is_true(server:listen { unix = path })
    assert.equal(port, server.port)
    assert.equal("unix http", get(path))
    assert.equal("127.0.0.1 http", sse.fetch(serving.url "/"):text())
    assert.equal("socket", lfs.attributes(path, "mode"))
    server:close()
    assert.is_nil(lfs.attributes(path))
  end)

  it("alone gives no port, until another listener has one", function()
    local server = sse.server {}
    routes(server)
    assert(server:listen { unix = path })
    assert.equal(0, server.port)
    assert(server:listen())
    assert.is_true(server.port > 0)
    assert.equal("unix http", get(path))
    server:close()
    wait.idle()
  end)

  it("speaks TLS and HTTP/2, as the options or the call say", function()
    local server = serving.start({ tls = certs.server() }, routes)
    assert(server:listen { unix = path })
    local second = path_of "b.sock"
    assert(server:listen { unix = second, tls = false })
    local function client() return { tls = certs.client(), httpVersion = "2" } end
    assert.equal("unix https", get(path, client()))
    assert.equal("unix http", get(second, { httpVersion = "2-prior-knowledge" }))
    assert.equal("unix http", get(second))
    server:close()
    assert.is_nil(lfs.attributes(second))
  end)

  it("has the permissions of mode, else those of the umask", function()
    local server = serving.start(routes)
    for mode, shown in pairs {
      ["0660"] = "rw-rw----", ["600"] = "rw-------", ["0777"] = "rwxrwxrwx", ["0000"] = "---------",
    } do
      local own = path_of("mode" .. mode)
      assert(server:listen { unix = own, mode = mode })
      assert.equal(shown, permissions(own), mode)
    end
    local plain = io.open(path_of "plain", "w")
    plain:close()
    assert(server:listen { unix = path })
    local umask = permissions(path_of "plain")
    assert.equal(umask, (permissions(path):gsub("x", "-")))
  end)

  it("replaces a file that nobody listens on", function()
    local stale = assert(unix())
    assert(stale:bind(path))
    stale:close()
    assert.equal("socket", lfs.attributes(path, "mode"))
    local server = serving.start(routes)
    assert.is_true(server:listen { unix = path })
    assert.equal("unix http", get(path))
  end)

  it("is an error while somebody listens on it, also in the same process", function()
    local message = ("cannot listen on the Unix socket '%s': it is in use: another process listens "
      .. "on it [docs/errors.md#eaddrinuse]"):format(path)
    local server = serving.start(routes)
    assert(server:listen { unix = path })
    assert.same({ nil, message, "EADDRINUSE" }, { server:listen { unix = path } })
    local other = sse.server {}
    assert.same({ nil, message, "EADDRINUSE" }, { other:listen { unix = path } })
    assert.equal("unix http", get(path))
    server:close()
    local busy = assert(unix())
    assert(busy:bind(path))
    assert(busy:listen())
    assert.same({ nil, message, "EADDRINUSE" }, { other:listen { unix = path } })
    busy:close()
  end)

  it("never replaces what is no socket", function()
    local server = serving.start(routes)
    certs.write("a.sock", "precious")
    local message = "cannot listen on the Unix socket '%s': the file exists already and is no "
      .. "socket [docs/errors.md#eaddrinuse]"
    assert.same({ nil, message:format(path), "EADDRINUSE" }, { server:listen { unix = path } })
    assert.equal("precious", certs.read "a.sock")
    os.remove(path)
    assert(lfs.link(path_of "good.pem", path, true))
    assert.same({ nil, message:format(path), "EADDRINUSE" }, { server:listen { unix = path } })
  end)

  it("says what is wrong with a path", function()
    local server = serving.start(routes)
    local long = path_of(("x"):rep(120))
    local got = { server:listen { unix = long } }
    assert.is_nil(got[1])
    assert.truthy(got[2]:find("a path may have %d+ bytes, and this has " .. #long), got[2])
    assert.equal("ETOOBIG", got[3])
    local none = path_of "none/a.sock"
    assert.same({ nil,
      ("cannot listen on the Unix socket '%s': No such file or directory"):format(none),
      "ESYS" }, { server:listen { unix = none } })
  end)

  it("takes the longest path that the system has", function()
    local server = serving.start(routes)
    local _, message = server:listen { unix = ("x"):rep(300) }
    local most = tonumber(message:match "may have (%d+) bytes")
    local folder = path_of ""
    path = folder .. ("x"):rep(most - #folder)
    assert.is_true(server:listen { unix = path })
    assert.equal("unix http", get(path))
    assert.equal("ETOOBIG", select(3, server:listen { unix = path .. "x" }))
  end)

  it("leaves a file alone that has taken its place", function()
    local server = serving.start(routes)
    assert(server:listen { unix = path })
    os.remove(path)
    certs.write("a.sock", "another")
    server:close()
    assert.equal("another", certs.read "a.sock")
  end)

  it("stays when a forked child closes its copy", function()
    local server = serving.start(routes)
    assert(server:listen { unix = path })
    local id = process.fork()
    if id == 0 then
      server:close()
      process.exit(0)
    end
    wait.till(function() return process.ended(id) end, "the child's end")
    assert.equal("unix http", get(path))
  end)

  it("is one process's alone where several replace a stale one at a time", function()
    local descriptors = require "spec.descriptors"
    local go, done = path_of "go", path_of "done"
    local function contest(contenders)
      local stale = assert(unix())
      assert(stale:bind(path))
      stale:close()
      local results, to = descriptors.pipe()
      local ids = {}
      for i = 1, contenders do
        ids[i] = process.fork()
        if ids[i] == 0 then
          while not lfs.attributes(go) do end
          descriptors.write(to, sse.server({}):listen { unix = path } and "1" or "0")
          while not lfs.attributes(done) do end -- else a later one finds it stale, and is right
          process.exit(0)
        end
      end
      certs.write("go", "")
      local got = ""
      wait.till(function()
        got = got .. (descriptors.read(results) or "")
        return #got == contenders
      end, "the contenders")
      certs.write("done", "")
      for _, id in ipairs(ids) do
        wait.till(function() return process.ended(id) end, "a contender's end")
      end
      descriptors.close(results)
      descriptors.close(to)
      for _, name in ipairs { go, done, path } do os.remove(name) end
      return select(2, got:gsub("1", ""))
    end
    for _ = 1, 20 do assert.equal(1, contest(2)) end
    for name in lfs.dir(path_of "") do assert.is_nil(name:find "^a%.sock") end
  end)

  it("is free again after a program that was killed", function()
    local text = [[
      local sse = require "sse"
      local server = sse.server {}
      assert(server:listen { unix = %q })
      print "listens"
      io.stdout:flush()
      sse.run(function() sse.sleep(60000) end)
    ]]
    local server = serving.start(routes)
    local program = child.script(text:format(path))
    program:till "listens"
    assert.equal("EADDRINUSE", select(3, server:listen { unix = path }))
    program:kill "KILL"
    program:wait()
    assert.equal("socket", lfs.attributes(path, "mode"))
    assert.is_true(server:listen { unix = path })
    assert.equal("unix http", get(path))
  end)

  it("trusts who is trusted by 'unix', and has no limit for an address", function()
    local server = serving.start({ trusted_proxies = { "unix" }, max_connections_per_address = 1 },
      routes)
    assert(server:listen { unix = path })
    local fields = { ["X-Forwarded-For"] = "6.6.6.6, 203.0.113.9", ["X-Forwarded-Proto"] = "https" }
    assert.equal("203.0.113.9 https", get(path, nil, fields))
    local clients = {}
    for i = 1, 3 do
      clients[i] = assert(unix())
      assert(clients[i]:connect(path))
      assert(clients[i]:send "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    end
    raw.pump(function() return server:stats().streams.open == 3 end, "three streams")
    for _, client in ipairs(clients) do client:close() end
  end)

  it("trusts nobody else", function()
    local server = serving.start({ trusted_proxies = { "127.0.0.1" } }, routes)
    assert(server:listen { unix = path })
    assert.equal("unix http", get(path, nil, { ["X-Forwarded-For"] = "203.0.113.9" }))
  end)

  it("takes a PROXY header", function()
    local server = serving.start({ trusted_proxies = { "unix" } }, routes)
    assert(server:listen { unix = path, proxy_protocol = true })
    local client = assert(unix())
    assert(client:connect(path))
    assert(client:send "PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\nGET / HTTP/1.0\r\n\r\n")
    client:settimeout(0)
    local got = ""
    raw.pump(function()
      local bytes, why, partial = client:receive(1000)
      got = got .. (bytes or partial or "")
      return why == "closed"
    end, "the response")
    client:close()
    assert.truthy(got:find "203.0.113.9 http$", got)
  end)
end)
