-- The server that is attacked, with default options. GET /events follows a channel, POST
-- /publish?mark=M publishes M and letters, SIZE bytes in all (the first argument); GET /hello and
-- /report are small and large responses, /file is a file, /many follows 64 channels, POST /upload
-- reads a body. GET /gc collects garbage, and has the allocator give unused memory back if the
-- second argument names build/trim.so; GET /heap tells the bytes in use, GET /stats the server's
-- counters. Prints its port.
local sse = require "sse"

local SIZE = tonumber(arg[1]) or 200
local trim = arg[2] and assert(package.loadlib(arg[2], "luaopen_trim"))() or function() end
local LARGE = 262144
local letters, large = ("x"):rep(SIZE), ("report "):rep(LARGE // 7)
local channel = sse.channel("steady")
local many = {}
for i = 1, 64 do many[i] = sse.channel("many " .. i) end

local path = os.tmpname()
local file <close> = assert(io.open(path, "w"))
assert(file:write(("file   "):rep(LARGE // 7)))
assert(file:flush())

local server = sse.server()

server:get("/events", sse.follow(channel))
server:get("/many", sse.follow(table.unpack(many)))

server:post("/publish", function(req, res)
  local mark = req.query.mark
  assert(channel:publish { data = mark .. letters:sub(#mark + 1) })
  res:reply(204)
end)

server:post("/upload", function(req, res)
  res:json { bytes = #req:text() }
end)

server:get("/hello", function(_, res) res:reply(200, "hello") end)
server:get("/report", function(_, res) res:reply(200, large) end)
server:get("/file", sse.file(path))

server:get("/gc", function(_, res)
  collectgarbage()
  collectgarbage()
  trim()
  res:reply(200, ("%.1f"):format(collectgarbage "count"))
end)

server:get("/heap", function(_, res) res:reply(200, (" heap=%s"):format(trim() or "-")) end)

local function flatten(values, prefix, into)
  for name, value in pairs(values) do
    if type(value) == "table" then flatten(value, prefix .. name .. "_", into)
    else into[#into + 1] = ("%s%s=%s"):format(prefix, name, value)
    end
  end
  return into
end

server:get("/stats", function(_, res)
  local told = flatten(server:stats(), "", {})
  flatten(channel:stats(), "channel_", told)
  res:reply(200, " " .. table.concat(told, " "))
end)

sse.signal("TERM", function()
  os.remove(path)
  os.exit(0)
end)
assert(server:listen())
print(server.port)
io.stdout:flush()
sse.run()
