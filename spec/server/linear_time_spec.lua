-- What a peer sends is read in linear time: fields and targets full of one filler. Their sizes are
-- such that a pattern which backtracks over the text takes minutes, more than a spec may.
local cors = require "sse.server.cors"
local cookies = require "sse.server.cookies"
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local form = require "sse.server.form"
local headers = require "sse.shared.headers"
local parameters = require "sse.server.parameters"
local retry = require "sse.client.retry"
local router = require "sse.server.router"
local serving = require "spec.support.serving"
local sse = require "sse"
local url = require "sse.server.url"

local FILLERS = { " ", "\t", "%", "%2", "/", "&", "=", "a=", "&a=b", "+", "\"", "\"a", "*", " *",
  ";", ",", ", ", "a,", "a", ":", "@", ".", "0", "a-0," }
local SIZE = 256 * 1024

local function noop() end

-- Calls fn with a text of each filler; fails if all calls take longer than passes over that many
-- bytes possibly can. (80,000 spaces once took 20 s.)
local function each(fn, size)
  local began = os.clock()
  for _, filler in ipairs(FILLERS) do fn(filler:rep((size or SIZE) // #filler)) end
  assert.is_true(os.clock() - began < 60, "too long")
end

describe("linear time", function()
  after_each(serving.stop)
  after_each(fixture.finish)

  it("is what parts of a request take", function()
    local routes, policy_of_any = router.new(), cors.new(true)
    routes:add("GET", "/a/:b/c", print)
    routes:add("GET", "/:x", print)
    routes:add_prefix("/s/", print)
    routes:add("POST", "/s/*rest", print)
    each(url.split)
    each(url.decode)
    each(url.query)
    each(url.segments)
    each(function(text) routes:find("GET", "/" .. text) end)
    each(function(text) routes:find("POST", "/s/" .. text) end)
    each(cookies.parse)
    each(parameters.parse)
    each(function(text) parameters.parse("a; b=" .. text) end)
    each(function(text) form.read("application/x-www-form-urlencoded", text, 1e9, noop) end)
    each(function(text)
      local body = '--b\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n\r\n%s\r\n--b--'
      for _, line in ipairs { "\r\n--b", "--b", "\r\n--b \t", "\r\n", text } do
        local filler = line:rep(#text // #line)
        form.read("multipart/form-data; boundary=b", body:format("a", "A: b", filler), 1e9,
          noop)
        form.read("multipart/form-data; boundary=b", body:format(text, filler, ""), 1e9,
          noop)
      end
    end)
    each(function(text)
      -- Parts with heads of nearly the most bytes, which may each cost no more than they have.
      local part = '--b\r\nContent-Disposition: form-data; name="a"%s\r\n\r\nx\r\n'
      text = text:sub(1, 7900)
      for _, rest in ipairs { '; filename="%s/a"', "\r\n%s", "\r\nX: %s\rX", "\r\n%s\rX: %s" } do
        local body = part:format(rest:gsub("%%s", (text:gsub("[%%\"]", "x"))))
        form.read("multipart/form-data; boundary=b", body:rep(64) .. "--b--", 1e9, noop)
      end
    end)
    each(function(text) policy_of_any:preflight({}, text) end)
  end)

  it("is what parts of a response take", function()
    each(headers.mime_essence)
    each(function(text) headers.mime_essence("text/" .. text) end)
    each(function(text) headers.mime_essence(text .. "/html") end)
    each(headers.is_token)
    each(headers.sendable)
    each(function(text) retry.after(text, 0) end)
    each(function(text) sse.json.decode(text) end)
    each(function(text) core.url(text:sub(1, 60000), "http://host/" .. text:sub(1, 5000)) end)
    local list = {}
    for i = 1, 40000, 2 do list[i], list[i + 1] = "Same", ("x"):rep(20) end
    each(function() headers.response(list) end)
  end)

  it("is what a server takes for each field", function()
    local path = os.tmpname()
    local _ <close> = setmetatable({}, { __close = function() os.remove(path) end })
    serving.start({ max_head_size = 2 * SIZE, cors = true, compress = true }, function(server)
      server:get("/", sse.file(path))
      server:before("/a/b", noop)
      server:get("/all", function(req, res)
        local value = req.last_event_id or req.headers.x or req.query.x or req.cookies.x
        res:reply(200, tostring(value):sub(1, 9))
      end)
    end)
    local client
    for name, line in pairs { ["If-None-Match"] = "GET /", ["If-Modified-Since"] = "GET /",
      ["Accept-Encoding"] = "GET /all", Cookie = "GET /all", ["Last-Event-ID"] = "GET /all",
      Origin = "GET /all", ["Access-Control-Request-Headers"] = "OPTIONS /all",
      ["Content-Type"] = "GET /all", X = "GET /all" } do
      each(function(text)
        client = client or serving.connect()
        local response = client:request(line, { [name] = text })
        assert.is_true(response.status < 500, response.status)
        if response.status >= 400 then client = client:close() end -- the server has closed it, too
      end, SIZE // 8)
    end
    each(function(text)
      client = client or serving.connect()
      if client:request("GET /" .. text:gsub("[ \t\"]", "%%2e/")).status ~= 404 then
        client = client:close()
      end
    end, 8000)
    if client then client:close() end
  end)

  it("is what a client takes for each field", function()
    local field
    local server = fixture.serve(function(conn) conn:reply(302, "", field) end)
    for _, name in ipairs { "Location", "Content-Type", "Retry-After", "Set-Cookie", "X" } do
      each(function(text)
        field = ("%s: x%s"):format(name, text)
        sse.fetch(server:url(), { withCredentials = true, redirect = "manual" })
      end, 60000)
    end
  end)
end)
