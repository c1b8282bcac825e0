-- A transfer leaves nothing to those after it, though they may use what it used: a connection, an
-- easy handle of libcurl, a parsed URL.
local core = require "sse.core"
local sse = require "sse"
local wait = require "spec.support.wait"

local server, url, seen

-- What the server sees of a request, as one text.
local function describe_request(req)
  local lines = { req.method, req.path, req.protocol, "body " .. (req:text() or "") }
  for name, value in pairs(req.headers) do lines[#lines + 1] = name .. ": " .. value end
  table.sort(lines)
  return table.concat(lines, "\n")
end

local function serve(req, res)
  seen = describe_request(req)
  res:header("Set-Cookie", "of=" .. req.path:gsub("%W", ""))
  res:reply(req.path == "/error" and 500 or 200, "fine")
end

-- Makes a request; returns what the server saw.
local function ask(options, path)
  seen = nil
  local res, message = sse.fetch(url .. (path or "/"), options)
  assert.is_truthy(res, message)
  res:text()
  return seen
end

local others = {
  { "a body", { method = "POST", body = "secret" } },
  { "a table as body", { body = { secret = true } } },
  { "POST without a body", { method = "POST" } },
  { "PUT", { method = "PUT", body = "secret" } },
  { "HEAD", { method = "HEAD" } },
  { "DELETE", { method = "DELETE" } },
  { "a header of its own", { headers = { Authorization = "secret", ["X-Own"] = "1" } } },
  { "a Host of its own", { headers = { Host = "secret.example" } } },
  { "an empty header", { headers = { ["User-Agent"] = "" } } },
  { "a type and a language", { headers = { Accept = "a/b", ["Accept-Language"] = "de" } } },
  { "no compression", { headers = { ["Accept-Encoding"] = "identity" } } },
  { "cookies", { withCredentials = true } },
  { "a user and a password", { withCredentials = true }, "secret:word@" },
  { "HTTP/2", { httpVersion = "2-prior-knowledge" } },
  { "limits", { connectTimeout = 5000, timeout = 5000, maxHeadSize = 4096, maxHeadFields = 20 } },
  { "an error", nil, nil, "/error" },
}

describe("one transfer after the other", function()
  before_each(function()
    server = sse.server { port = 0 }
    for _, method in ipairs { "get", "post", "put", "delete" } do
      for _, path in ipairs { "/", "/error" } do
        server[method](server, path, serve)
      end
    end
    assert(server:listen())
    url = ("http://127.0.0.1:%d"):format(server.port)
  end)

  after_each(function()
    server:close()
    wait.idle()
  end)

  for _, other in ipairs(others) do
    it("is as the first was, after one with " .. other[1], function()
      local plain, base = ask(), url
      for _ = 1, 3 do
        if other[3] then url = base:gsub("://", "://" .. other[3]) end
        assert.is_string(ask(other[2], other[4]))
        url = base
        assert.equal(plain, ask())
        assert.equal(plain, ask())
      end
    end)
  end

  it("has only the cookies of its own host after one with another Host", function()
    local with = { withCredentials = true }
    ask { headers = { Host = "one.example" } }
    ask { headers = { Host = "two.example" }, withCredentials = true }
    for _ = 1, 3 do
      ask { headers = { Host = "one.example" } }
      ask { headers = { Host = "one.example" } }
      assert.is_nil(ask(with):find("one.example", 1, true))
    end
  end)

  it("is checked as the first was where the URL is known", function()
    assert.equal("GET", ask():match "GET")
    assert.has_error(function() sse.fetch(url .. "/", { httpVersion = "2" }) end)
    assert.equal("GET", ask():match "GET")
    core.forget_connections()
    assert.equal("GET", ask():match "GET")
  end)
end)
