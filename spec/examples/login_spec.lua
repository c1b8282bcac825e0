-- examples/login.lua: who may see what, and how a login ends.
local child = require "spec.support.child"
local client = require "examples.login.client"
local examples = require "spec.support.examples"
local guard = require "examples.login.guard"
local serving = require "spec.support.serving"
local sessions = require "examples.login.sessions"
local sse = require "sse"
local users = require "examples.login.users"
local wait = require "spec.support.wait"

-- Hashes of the passwords that cost next to nothing.
local CHEAP = {
  ann = "$scrypt$ln=4,r=8,p=1$c2FsdA$6RkQHNQ6zELzESTzJo0wnZlVAV456dXFIFwb9N3o9WU",
  bob = "$scrypt$ln=4,r=8,p=1$c2FsdA$aHqsNuGOjNZfQRFDLUPCLQnTuAf5Y6PuNlMwRYPgi84",
}
local HASHES = users.hashes
local PASSWORDS = { ann = "correct horse", bob = "battery staple" }
local FORM = "application/x-www-form-urlencoded"
local life = sessions.life
local function nothing() end

local url, log
local windows = {}

-- Sends a request as a browser does from a page of the site, unless `fields` say otherwise.
local function ask(method, path, fields, body)
  local headers = { Origin = url:match "^(.-)/$", ["Content-Type"] = body and FORM or nil }
  for name, value in pairs(fields or {}) do headers[name] = value or nil end
  local res = assert(sse.fetch(url .. path, {
    method = method, headers = headers, body = body, redirect = "manual",
  }))
  return res.status, res.headers, res:text()
end

local function log_in(name, path, fields)
  local status, headers = ask("POST", path or "login", fields,
    ("name=%s&password=%s"):format(name, sse.url.encode(PASSWORDS[name] or "x")))
  local cookie = headers["set-cookie"]
  return cookie and cookie:match "^[^;]+", status, headers
end

-- Opens the events of a login; the list that is returned gets what came.
local function open(cookie)
  local got = { closed = false }
  local source = sse.EventSource(url .. "events", { headers = { Cookie = cookie } })
  source:addEventListener("*", function(ev)
    local message = ev.type == "message" and ev:json()
    got[#got + 1] = message and ("%s says: %s"):format(message.from, message.text)
      or ev.type .. " " .. ev.data
  end)
  source.onerror = function(ev)
    if ev.failure then got.status = ev.failure.status end
    got.closed = source.readyState == source.CLOSED
  end
  function got.has(text)
    for _, line in ipairs(got) do
      if line:find(text, 1, true) then return true end
    end
    return false
  end
  function got.till(text) wait.till(function() return got.has(text) end, text) end
  function got.close() source:close() end
  windows[#windows + 1] = got
  return got
end

describe("example login", function()
  before_each(function()
    users.hashes = CHEAP
    local _
    _, url, log = examples.serve("login", { limit = { rate = 1000 } })
  end)

  after_each(function()
    sessions.life, users.hashes = life, HASHES
    for name in pairs(PASSWORDS) do sessions.finish_all(name) end
    sessions.on_end = nothing -- it refers to the server
    for _, window in ipairs(windows) do window.close() end
    windows = {}
    for _, channel in ipairs(sse.channels()) do channel:close() end
    child.stop()
    examples.stop()
  end)

  it("lets nobody in without a login", function()
    for _, path in ipairs { "events", "x", "//events" } do
      assert.equal(401, (ask("GET", path)))
    end
    for _, path in ipairs { "messages", "logout", "events" } do
      assert.equal(401, (ask("POST", path, nil, "to=ann&text=x")))
    end
    local status, headers = ask("GET", "")
    assert.equal(303, status)
    assert.equal("/login?next=/", headers.location)
    assert.equal(200, (ask("GET", "login")))
    for _, cookie in ipairs { "session=", "session=x", "session=" .. sse.crypto.token() } do
      assert.equal(401, (ask("GET", "events", { Cookie = cookie })))
    end
  end)

  it("gives a cookie that scripts and other sites don't get", function()
    local _, status, headers = log_in "ann"
    assert.equal(303, status)
    assert.equal("/", headers.location)
    assert.truthy(headers["set-cookie"]:find(
      "^session=[%w_-]+; Path=/; Max%-Age=28800; HttpOnly; SameSite=Lax$"), headers["set-cookie"])
  end)

  it("takes from LOGIN_ORIGIN where its pages are", function()
    local getenv = os.getenv
    finally(function() rawset(os, "getenv", getenv) end)
    rawset(os, "getenv", function(name)
      return name == "LOGIN_ORIGIN" and "https://chat.example" or getenv(name)
    end)
    local cookie, _, headers = log_in("ann", nil, { Origin = "https://chat.example" })
    assert.truthy(cookie:find "^__Host%-session=")
    assert.truthy(headers["set-cookie"]:find("; Secure", 1, true))
    assert.equal(403, (ask("POST", "logout", { Cookie = cookie })))
  end)

  it("shows the newest messages to a window that opens later", function()
    local cookie = log_in "ann"
    assert.equal(204, (ask("POST", "messages", { Cookie = cookie }, "to=ann&text=early")))
    open(cookie).till "ann says: early"
  end)

  it("says the same of a wrong name and of a wrong password", function()
    for _, body in ipairs {
      "name=ann&password=x", "name=nobody&password=x", "name=ann", "password=x", "",
      "name=&password=", "name=__index&password=x", "name=ann&password=correct+horse%00x",
    } do
      local status, headers = ask("POST", "login", nil, body)
      assert.equal(303, status)
      assert.equal("/login?failed&next=/", headers.location)
      assert.is_nil(headers["set-cookie"])
    end
    assert.equal(303, (ask("POST", "login", { ["Content-Type"] = "text/plain" }, "x")))
  end)

  it("changes nothing for another site's page", function()
    local cookie = log_in "ann"
    for _, origin in ipairs {
      false, "null", "http://evil.example", url:match "^(.-)/$" .. ".evil.example",
      url:match "^(.-)/$":gsub("http:", "https:"), url, "",
    } do
      for _, path in ipairs { "login", "logout", "messages" } do
        local fields = { Origin = origin, Cookie = cookie }
        assert.equal(403, (ask("POST", path, fields, "to=ann&text=x")))
      end
    end
    assert.equal(200, (ask("GET", "", { Cookie = cookie, Origin = false })))
  end)

  it("begins each login with a new id, and forgets the one before", function()
    local given = "session=" .. ("a"):rep(43)
    local first = log_in("ann", nil, { Cookie = given })
    assert.not_equal(given, first)
    assert.equal(401, (ask("GET", "events", { Cookie = given })))
    local second = log_in("ann", nil, { Cookie = first })
    assert.not_equal(first, second)
    assert.equal(401, (ask("GET", "events", { Cookie = first })))
    assert.equal(200, (ask("GET", "", { Cookie = second })))
  end)

  it("leads to no other site", function()
    for _, case in ipairs {
      { "/", "/" }, { "/x/y.html", "/x/y.html" }, { "", "/" }, { "//evil.example", "/" },
      { "/\\evil.example", "/" }, { "https://evil.example", "/" }, { "javascript:x", "/" },
      { "/%09/evil.example", "/" }, { "/\r\nSet-Cookie:x=y", "/" }, { "x", "/" }, { "/a?b", "/" },
      { "/a//evil.example", "/a//evil.example" },
    } do
      assert.equal(case[2], guard.safe_path(case[1], "/"), case[1])
      local _, status, headers = log_in("ann", "login?next=" .. sse.url.encode(case[1]))
      assert.equal(303, status)
      assert.equal(case[2], headers.location)
    end
  end)

  it("brings a message to all windows of one user, and to nobody else", function()
    local ann, bob = log_in "ann", log_in "bob"
    local one, two, other = open(ann), open((log_in "ann")), open(bob)
    for _, window in ipairs { one, two, other } do window.till 'online ["ann","bob"]' end
    local text = sse.url.encode '<script>alert("x")</script>'
    assert.equal(204, (ask("POST", "messages", { Cookie = bob }, "to=ann&text=" .. text)))
    for _, window in ipairs { one, two } do
      window.till 'bob says: <script>alert("x")</script>'
    end
    assert.equal(204, (ask("POST", "messages", { Cookie = ann }, "to=bob&text=back")))
    other.till "ann says: back"
    assert.is_false(other.has "script")
    assert.is_false(one.has "back")
    assert.equal(404, (ask("POST", "messages", { Cookie = bob }, "to=nobody&text=x")))
  end)

  it("says who is online", function()
    local ann, bob = open((log_in "ann")), open((log_in "bob"))
    ann.till 'online ["ann","bob"]'
    bob.close()
    ann.till 'online ["ann"]'
  end)

  it("ends all streams and logins of a user who logs out, and nobody else's", function()
    local here, there, bob = log_in "ann", log_in "ann", log_in "bob"
    local one, two, other = open(here), open(there), open(bob)
    for _, window in ipairs { one, two, other } do window.till 'online ["ann","bob"]' end
    local status, headers = ask("POST", "logout", { Cookie = here })
    assert.equal(303, status)
    assert.truthy(headers["set-cookie"]:find("Max-Age=0", 1, true), headers["set-cookie"])
    for _, window in ipairs { one, two } do
      window.till "logout "
      wait.till(function() return window.closed end, "the end of the source")
      assert.equal(401, window.status)
    end
    other.till 'online ["bob"]'
    assert.is_false(other.closed)
    assert.equal(401, (ask("GET", "events", { Cookie = there })))
  end)

  it("ends a stream with its session", function()
    sessions.life = 1
    local window = open((log_in "ann"))
    wait.till(function() return window.closed end, "the end of the session")
    assert.equal(401, window.status)
    assert.is_true(window.has "hello ann")
  end)

  it("lets nobody try passwords without end", function()
    sessions.on_end = nothing
    examples.stop()
    users.hashes = CHEAP
    local _
    _, url = examples.serve("login", { limit = { rate = 0.001, burst = 2 } })
    assert.equal(303, (ask("POST", "login", nil, "name=ann&password=x")))
    assert.equal(303, (ask("POST", "login", nil, "name=ann&password=y")))
    local status, headers = ask("POST", "login", nil, "name=ann&password=z")
    assert.equal(429, status)
    assert.truthy(headers["retry-after"])
  end)

  it("ends the oldest of too many sessions", function()
    local first = sessions.begin "ann"
    for _ = 1, sessions.most - 1 do sessions.begin "ann" end
    assert.equal(first, sessions.find(first.id))
    sessions.begin "ann"
    assert.is_nil(sessions.find(first.id))
  end)

  it("has users whose passwords are hashed at full cost", function()
    for name, password in pairs(PASSWORDS) do
      assert.truthy(HASHES[name]:find "^%$scrypt%$ln=15,r=8,p=3%$")
      assert.is_true(sse.crypto.check_password(password, HASHES[name]))
    end
  end)

  it("has a client", function()
    local source = client.listen({ log = require("examples.login").log }, url)
    log.till 'client online ["ann"]'
    sessions.finish_all "ann"
    log.till "client logout"
    assert.equal(source.CLOSED, source.readyState)
    client.listen({ log = require("examples.login").log }, url, "ann", "wrong")
    log.till "client error not logged in"
  end)
end)

describe("example login over HTTPS", function()
  after_each(function()
    users.hashes = HASHES
    sessions.on_end = nothing
    sessions.finish_all "ann"
    examples.stop()
  end)

  serving.over(require("spec.support.transports").https, "of its own", function()
    it("has a cookie that only this host can set, and that needs HTTPS", function()
      users.hashes = CHEAP
      serving.start(function(server) require("examples.login").mount(server, "") end)
      local origin = serving.url "":match "^(.-)/?$"
      local res = serving.send("POST /login", { Origin = origin, ["Content-Type"] = FORM },
        "name=ann&password=correct+horse")
      assert.equal(303, res.status)
      assert.truthy(res.headers["set-cookie"]:find(
        "^__Host%-session=[%w_-]+; Path=/; Max%-Age=28800; HttpOnly; Secure; SameSite=Lax$"),
        res.headers["set-cookie"])
    end)
  end)
end)
