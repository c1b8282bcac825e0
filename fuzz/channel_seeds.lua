-- channel_seeds.lua FOLDER: writes the first inputs of channel_fuzz.c's corpus: correct clients
-- that follow, publish and leave, over both protocols, for each kind of follow, slow policy and
-- window.
local folder = assert(arg[1], "the folder to write to")

-- Operations of channel_fuzz.c; client: 0 to 2. See run_operation() there.
local function op(code, client, ...) return string.char(code | client << 4, ...) end
local function turns(n) return string.char((n - 1) << 6) end
local function connect(client, how) return op(10, client, how) end
local function read(client) return op(9, client, 255) end
local function leave(client) return op(11, client) end
local function pass(which) return op(13, 0, which) end
local function act(what, arg) return op(14, 0, what, arg) end

-- HTTP/2 frames with a payload of the right length.
local KINDS = { RST_STREAM = 3, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 }
local function frame(client, kind, id, value) return op(3, client, KINDS[kind], 0, id, value, 0) end

-- Requests. how: bits of the method and of what is accepted; letter: index in "fffhbaaa"; then the
-- three bytes of the path.
local function http2(client, how, letter, ...) return op(5, client, 0, how, letter, ...) end
local function http1(client, how, letter, ...) return op(8, client, 0, how, letter, ...) end
local FOLLOW, PUBLISH, ACT = 0, 4, 5
local GET, POST, GZIP = 0, 1, 2

local function plan(limits, logs, on_end, on_drain, on_filter, on_presence)
  return string.char(limits, logs, on_end, on_drain, on_filter, on_presence)
end

local number = 0
local function seed(...)
  number = number + 1
  local file <close> = assert(io.open(("%s/seed-%03d"):format(folder, number), "wb"))
  file:write(...)
end

-- Two followers, one over each protocol, from connecting to leaving. what: bits of the channels and
-- the filter.
local function two_followers(what, channel, window, logs, gzip)
  seed(plan(12, logs, 0, 0, 0, 0), connect(0, 1 | window << 1), connect(1, 0), turns(2),
    http2(0, GET | gzip, FOLLOW, what, 1, gzip), http1(1, GET | gzip, FOLLOW, what, 1, gzip),
    turns(2), read(0), read(1),
    http2(0, POST, PUBLISH, channel, 2, 1), turns(2), read(1),
    frame(0, "WINDOW_UPDATE", 1, 3), turns(1), read(0),
    http2(0, POST, ACT, 4, channel, 1), turns(2), read(0), read(1), pass(2), turns(1),
    frame(0, "PING", 0, 0), frame(0, "RST_STREAM", 1, 8), turns(2), leave(1), turns(2))
end

for channel = 0, 2 do
  for kind = 0, 3 do
    local alone, filter = 1 << channel, 8
    local what = ({ alone, 7, alone | filter, 7 | filter })[kind + 1]
    for _, window in ipairs { 0, 2, 4 } do two_followers(what, channel, window, kind, 0) end
    two_followers(what, channel, 4, kind, GZIP)
  end
end

-- Each act of the program, by an operation and by all callbacks.
for what = 0, 17 do
  local first = connect(0, 9) .. connect(1, 0) .. http2(0, GET, FOLLOW, 15, 1, 0) ..
    http1(1, GET, FOLLOW, 7, 1, 0) .. turns(3)
  local rest = http2(0, POST, ACT, 4, 0, 1) .. turns(2) .. read(0) .. read(1) .. turns(2) ..
    leave(0) .. turns(2)
  seed(plan(0, 1, 0, 0, 0, 0), first, act(what, 0), act(what, 24), turns(2), rest)
  seed(plan(0, 3, what, what, what, what), first, rest)
end
