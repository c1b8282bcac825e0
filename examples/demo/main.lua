--- make demo: serves all examples on one page, and prints what two Lua EventSources receive.
--
-- Environment: DEMO_PORT (9522); DEMO_SECONDS, after which the demo ends; NO_COLOR, for no colours.
local folder = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = ("%s/../../?.lua;%s"):format(folder, package.path)
require "examples.program" -- finds the library in a clone
local live = require "examples.demo.live"
local sse = require "sse"

local EXAMPLES = {
  "clock", "notice", "typewriter", "monitor", "page", "fetch_post", "channel", "chat_server",
  "resume",
}
local FILES = {
  ["/"] = "index.html", ["/demo.css"] = "demo.css", ["/demo.js"] = "demo.js",
  ["/live"] = "live.html", ["/live.css"] = "live.css", ["/live.js"] = "live.js",
}
local WITHIN = 1000 -- ms over which the ends of open streams are spread

local function fail(...)
  io.stderr:write("demo: ", string.format(...), "\n")
  os.exit(1, true)
end

local function number_from(name, fits, default)
  local text = os.getenv(name)
  if not text or text == "" then return default end
  local number = tonumber(text)
  if not number or not fits(number) then fail("%s=%s makes no sense", name, text) end
  return number
end

local function is_port(n) return math.tointeger(n) and n >= 0 and n <= 65535 end
local function is_time(n) return n >= 0 and n < 1e9 end

-- --- what is printed ----------------------------------------------------------------------------

local no_color = (os.getenv "NO_COLOR" or "") ~= ""
local colourful = not no_color and os.execute "test -t 1" == true
local CODES = { bold = 1, dim = 2, red = 31, green = 32, yellow = 33, blue = 34, cyan = 36 }
local TYPES = { message = "green", notice = "yellow", done = "green", resumed = "yellow" }

local function paint(colour, text)
  return colourful and ("\27[%dm%s\27[0m"):format(CODES[colour], text) or text
end

local function print_line(who, kind, colour, text)
  -- Pads before it colours: format counts the escape sequences as characters.
  print(("%s  %s  %s  %s"):format(paint("dim", os.date "%H:%M:%S"),
    paint("bold", ("%-10s"):format(who)), paint(colour, ("%-8s"):format(kind)), text))
end

local function print_event(name, ev)
  local id = ev.lastEventId ~= "" and paint("dim", "  id " .. ev.lastEventId) or ""
  local text = ev.data:gsub("\n", "\n" .. (" "):rep(32))
  print_line(name, ev.type, TYPES[ev.type] or "cyan", text .. id)
end

-- --- the two ends -------------------------------------------------------------------------------

local function mount(server)
  for path, file in pairs(FILES) do server:get(path, sse.file(folder .. "/" .. file)) end
  for _, name in ipairs(EXAMPLES) do
    local example = require("examples." .. name)
    example.log = function(_, ...)
      print_line(name, "server", "dim", table.concat({ ... }, " "))
    end
    example.mount(server, "/" .. name)
  end
  live.mount(server, function() return ("http://127.0.0.1:%d/"):format(server.port) end)
end

local function follow(name, url)
  local source = sse.EventSource(url)
  source.onopen = function() print_line(name, "open", "blue", url) end
  source.onerror = function(ev) print_line(name, "error", "red", ev.message or ev.data) end
  source:addEventListener("*", function(ev)
    print_event(name, ev)
    if ev.type == "done" then source:close() end
  end)
  return source
end

local function listen(port)
  local server = sse.server { port = port }
  mount(server)
  local ok, message, code = server:listen()
  if not ok and code == "EADDRINUSE" then
    local other = port == 9522 and 9600 or 9522
    fail("port %d is in use; choose another: DEMO_PORT=%d make demo", port, other)
  elseif not ok then
    fail("port %d: %s", port, message)
  end
  return server
end

local function main()
  local seconds = number_from("DEMO_SECONDS", is_time)
  local server = listen(math.tointeger(number_from("DEMO_PORT", is_port, 9522)))
  local base = ("http://127.0.0.1:%d/"):format(server.port)
  io.stdout:setvbuf "line"
  print(("\n  %s  %s\n"):format(paint("bold", base), "open it in a browser; Ctrl-C ends the demo"))
  local sources = {
    follow("clock", base .. "clock/stream"),
    follow("notice", base .. "notice/notices"),
  }
  local function leave()
    live.rest()
    for _, source in ipairs(sources) do source:close() end
  end
  for _, name in ipairs { "SIGINT", "SIGTERM" } do sse.signal(name, leave) end
  if seconds then sse.after(seconds * 1000, sse.stop) end
  server:run { within = WITHIN }
  leave()
  server:close()
  print "\nbye"
end

main()
