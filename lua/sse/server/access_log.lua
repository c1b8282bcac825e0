--- The option `access_log` of `sse.server`: one line for each response that has ended, to standard
-- error or to a file.
--
--    sse.server { access_log = "common" }
--    sse.server { access_log = { format = "json", file = assert(io.open("access.log", "a")) } }
--
-- "common" is Apache's Common Log Format, then Referer and User-Agent as in its Combined Log
-- Format, the milliseconds, the reason and the request's id:
--
--    127.0.0.1 - - [30/Nov/2026:02:56:22 +0000] "GET /clock HTTP/1.1" 200 431 "-" "curl/8.5.0"
--    1503.221 client 5d3a9c0e7f1b2468
--
-- (in one line). "-" stands for what is not known, and for 0 bytes and status 0. Every byte that is
-- not printable ASCII is written as `\x1b`, a quote as `\"`, a backslash as `\\`.
--
-- "json" is an object in a line: time, id, remote_address, method, target, protocol, status, bytes,
-- ms, reason, referer, user_agent. null stands for what is not known. Broken UTF-8 becomes U+FFFD,
-- and control characters are written as `\u001b`.
--
-- In a worker (sse.workers) both have the worker's id: as another word, and as `worker`.
-- @module sse.server.access_log
local options = require "sse.shared.options"
local utf8_text = require "sse.server.utf8_text"

local access_log = {}

local MONTHS = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}

-- --- what a line consists of ---------------------------------------------------------------------

-- A function(entry) that returns the entry's time as `format` writes it. The text is made once a
-- second.
local function clock(format)
  local last, text = nil, nil
  return function(entry)
    if entry.time ~= last then
      last, text = entry.time, format(os.date("!*t", entry.time))
    end
    return text
  end
end

local common_time = clock(function(t)
  return ("%02d/%s/%04d:%02d:%02d:%02d +0000"):format(t.day, MONTHS[t.month], t.year, t.hour,
    t.min, t.sec)
end)

local json_time = clock(function(t)
  return ('"%04d-%02d-%02dT%02d:%02d:%02dZ"'):format(t.year, t.month, t.day, t.hour, t.min, t.sec)
end)

-- A number of milliseconds with three decimals. "%.3f" would write the decimal point of the locale.
local function ms_text(ms)
  local us = math.floor(ms * 1000 + 0.5)
  return ("%d.%03d"):format(us // 1000, us % 1000)
end

local function header(entry, name)
  return entry.req and entry.req:header(name) or nil
end

-- --- "common" ------------------------------------------------------------------------------------

local function escape_byte(byte)
  if byte == '"' or byte == "\\" then return "\\" .. byte end
  return ("\\x%02x"):format(byte:byte())
end

local function common_text(text)
  if not text or text == "" then return "-" end
  return (text:gsub('[%z\1-\31"\\\127-\255]', escape_byte))
end

-- A value that the program may have set, as one word.
local function common_word(value)
  return (common_text(value and tostring(value)):gsub(" ", "\\x20"))
end

local function request_line(entry)
  if not entry.method then return "-" end
  local line = entry.method .. " " .. (entry.target or "-")
  return common_text(entry.protocol and line .. " " .. entry.protocol or line)
end

local formats = {}

function formats.common(entry)
  return ('%s - - [%s] "%s" %s %s "%s" "%s" %s %s %s%s'):format(common_word(entry.remote_address),
    common_time(entry), request_line(entry), entry.status > 0 and entry.status or "-",
    entry.bytes > 0 and entry.bytes or "-", common_text(header(entry, "referer")),
    common_text(header(entry, "user-agent")), ms_text(entry.ms), entry.reason,
    common_word(entry.id), entry.worker and " " .. entry.worker or "")
end

-- --- "json" --------------------------------------------------------------------------------------

local function replace_byte() return "\u{FFFD}" end

local function escape_character(character)
  if character == '"' or character == "\\" then return "\\" .. character end
  return ("\\u%04x"):format(utf8.codepoint(character))
end

-- U+0080 to U+009F are control characters, too: terminals act on some of them.
local function json_text(text)
  if not text then return "null" end
  if not utf8.len(text) then text = utf8_text(text, replace_byte) end
  text = text:gsub('[%z\1-\31"\\\127]', escape_character)
  return '"' .. text:gsub("\xc2[\x80-\x9f]", escape_character) .. '"'
end

local JSON = '{"time":%s,"id":%s,"remote_address":%s,"method":%s,"target":%s,"protocol":%s,'
  .. '"status":%d,"bytes":%d,"ms":%s,"reason":"%s","referer":%s,"user_agent":%s%s}'

function formats.json(entry)
  return JSON:format(json_time(entry), json_text(entry.id and tostring(entry.id)),
    json_text(entry.remote_address), json_text(entry.method), json_text(entry.target),
    json_text(entry.protocol), entry.status, entry.bytes, ms_text(entry.ms), entry.reason,
    json_text(header(entry, "referer")), json_text(header(entry, "user-agent")),
    entry.worker and (',"worker":%d'):format(entry.worker) or "")
end

-- --- the option ----------------------------------------------------------------------------------

local spec = options.spec("sse.server: access_log", {
  format = options.one_of("common", "json"),
  file = {
    expected = "an open file",
    check = function(v) return io.type(v) == "file" end,
  },
})

--- The rule of the option.
access_log.rule = {
  expected = '"common", "json", a function, or a table such as { format = "json", file = f }',
  check = function(v)
    return type(v) == "function" or type(v) == "table" or formats[v] ~= nil
  end,
}

-- A line of up to 4 KiB, the C library's buffer, is one write, so that lines of several processes
-- stay whole.
local function write(file, line)
  file:write(line)
  file:flush()
end

--- Makes the function that logs an entry of `server.on_response`. A line that can't be written (the
-- disk is full, nobody reads the pipe) is lost, and nothing else happens.
-- @tparam string|table|function given the option
-- @tparam int level as of `error`, seen from this function
-- @treturn function function(entry)
function access_log.new(given, level)
  if type(given) == "function" then return given end
  local file, format = nil, given
  if type(given) == "table" then
    options.check("sse.server: access_log", given, spec, level + 1)
    file, format = given.file, given.format or "common"
  end
  format = formats[format]
  return function(entry)
    pcall(write, file or io.stderr, format(entry) .. "\n")
  end
end

return access_log
