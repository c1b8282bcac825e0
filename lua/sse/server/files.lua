--- Files over HTTP: one (`sse.file`), or those of a folder (`server:static`).
-- @module sse.server.files
local core = require "sse.core"
local headers = require "sse.shared.headers"
local options = require "sse.shared.options"
local response = require "sse.server.response"

local files = {}

local PIECE = 64 * 1024 -- bytes read at once: what a file that is being sent holds at most
local MOST_HELD = 64 -- files that stay open while their clients take nothing
local ENFILE, EMFILE = 23, 24 -- no descriptor left; the same on Linux, macOS and the BSDs

local types = {
  html = "text/html; charset=utf-8", htm = "text/html; charset=utf-8",
  css = "text/css; charset=utf-8", csv = "text/csv; charset=utf-8",
  js = "text/javascript; charset=utf-8", mjs = "text/javascript; charset=utf-8",
  txt = "text/plain; charset=utf-8", lua = "text/plain; charset=utf-8",
  md = "text/markdown; charset=utf-8", xml = "application/xml",
  json = "application/json", map = "application/json", webmanifest = "application/manifest+json",
  pdf = "application/pdf", wasm = "application/wasm", zip = "application/zip",
  gz = "application/gzip", svg = "image/svg+xml", png = "image/png", gif = "image/gif",
  jpg = "image/jpeg", jpeg = "image/jpeg", webp = "image/webp", avif = "image/avif",
  ico = "image/x-icon", woff = "font/woff", woff2 = "font/woff2", ttf = "font/ttf",
  mp3 = "audio/mpeg", mp4 = "video/mp4", webm = "video/webm",
}

local function type_of(path)
  local extension = path:match("%.([^./]+)$")
  return extension and types[extension:lower()] or "application/octet-stream"
end

local days = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local months = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}

-- RFC 9110 section 5.6.7; os.date's names would follow the locale.
local function http_date(time)
  local t = os.date("!*t", math.floor(time))
  return ("%s, %02d %s %d %02d:%02d:%02d GMT"):format(days[t.wday], t.day, months[t.month], t.year,
    t.hour, t.min, t.sec)
end

local function tag_of(stat)
  return ('W/"%x-%x"'):format(stat.size, math.floor(stat.mtime * 1e6))
end

-- Sets a field that is not there yet, in whatever case; gives the value it has then.
local function default(fields, name, value)
  for known, given in pairs(fields) do
    if tostring(known):lower() == name:lower() then return given end
  end
  fields[name] = value
  return value
end

-- RFC 9110 section 13.1: the tag counts where one came, otherwise the date as it was given.
local function is_current(req, tag, modified)
  local tags = req:header "if-none-match"
  if not tags then return req:header "if-modified-since" == modified end
  if tags:match("^%s*%*%s*$") then return true end
  for quoted in tags:gmatch('"[^"]*"') do
    if quoted == tostring(tag):match('"[^"]*"$') then return true end
  end
  return false
end

-- A file on its way to a client: path, file (nil while it is closed), at (the next piece's place),
-- left (bytes to come), stat (as it was when it was opened first).
local held = 0

local function fail_early(sending, why)
  error(("a file ended %d bytes early: %s"):format(sending.left, why), 0)
end

-- Opens a file again that was closed while its client waited. One that has changed since would make
-- an answer of two halves, and raises: the answer breaks off.
local function reopen(sending)
  local file, why = io.open(sending.path, "rb")
  if not file then fail_early(sending, why) end
  sending.file = file
  local stat = core.stat(sending.path)
  if not stat or stat.size ~= sending.stat.size or stat.mtime ~= sending.stat.mtime then
    fail_early(sending, "it has changed")
  end
  if not file:seek("set", sending.at) then fail_early(sending, "it can't be read from there") end
end

-- The next piece. One that has become shorter, or can't be read, raises: the answer breaks off.
local function read_piece(sending)
  if not sending.file then reopen(sending) end
  local piece, why = sending.file:read(math.min(sending.left, PIECE))
  if not piece then fail_early(sending, why or "it has become shorter") end
  sending.at, sending.left = sending.at + #piece, sending.left - #piece
  return piece
end

local function close(sending)
  if sending.file then sending.file:close() end
  sending.file = nil
end

-- Sends a piece; false where the client has gone.
local function send_piece(res, piece)
  while true do
    local ok, _, code = res:write(piece)
    if ok then return true end
    if code ~= "EFULL" or not res:drain() then return false end
  end
end

-- Waits until the client has taken what was sent. A file of which all is read needs no descriptor
-- meanwhile, and only a few others have one: else clients that read nothing could use up all.
local function drain(res, sending)
  if sending.left == 0 or held >= MOST_HELD then
    close(sending)
    return res:drain()
  end
  held = held + 1
  local _end <close> = setmetatable({}, { __close = function() held = held - 1 end })
  return res:drain()
end

-- Sends what is left of the file, the next piece when the client has taken the one before. While it
-- waits the piece is held once, by the core.
local function send_pieces(res, sending)
  while sending.left > 0 do
    if not send_piece(res, read_piece(sending)) or not drain(res, sending) then return end
  end
  res:finish()
end

-- What an open that failed is answered with: a file that can't be read is none.
local function refuse(res, number)
  if number == EMFILE or number == ENFILE then
    return res:reply(503, "Service Unavailable\n", { ["Retry-After"] = "1" })
  end
  res:reply(404, "Not Found\n")
end

local function send(req, res, path, fields, stat)
  local file, _, number = io.open(path, "rb")
  if not file then return refuse(res, number) end
  local sending = { path = path, file = file, at = 0, left = 0, stat = stat }
  local _end <close> = setmetatable({}, { __close = function() close(sending) end })
  local size = file:seek("end")
  if not size or not file:seek("set") then return res:reply(404, "Not Found\n") end
  if not response.start_sized(res, 200, fields, size) then return end
  if req.method == "HEAD" then return res:finish() end
  sending.left = size
  send_pieces(res, sending)
end

-- Answers with the file, or 404 where it is none (any more).
local function serve(req, res, path, given)
  local stat = core.stat(path)
  if not stat or stat.type ~= "file" then return res:reply(404, "Not Found\n") end
  local fields = {}
  for name, value in pairs(given.headers or {}) do fields[name] = value end
  local tag = default(fields, "ETag", tag_of(stat))
  local modified = default(fields, "Last-Modified", http_date(stat.mtime))
  if is_current(req, tag, modified) then return res:reply(304, nil, fields) end
  default(fields, "Content-Type", given.content_type or type_of(path))
  default(fields, "X-Content-Type-Options", "nosniff")
  return send(req, res, path, fields, stat)
end

local spec = { content_type = "string", headers = "table" }

-- Raises in the name of whoever called the caller.
local function check_headers(given)
  local list, message = headers.list(given.headers or {})
  if not list then error("sse.file: " .. message, 3) end
  if given.content_type and not headers.sendable(given.content_type) then
    error("sse.file: option 'content_type' holds a control character", 3)
  end
end

--- A handler that answers with a file, as it is then. Raises where there is no such file now.
-- @function sse.file
-- @tparam string path
-- @tparam[opt] table given `content_type` (by default told from the name), `headers`, which
-- win over the handler's own: an `ETag` among them is what If-None-Match is compared with
-- @treturn function
function files.file(path, given)
  given = options.check("sse.file", given, spec)
  check_headers(given)
  options.path("sse.file", "a path", path, 3)
  local stat, message = core.stat(path)
  if not stat then error(("sse.file: cannot read '%s': %s"):format(path, message), 2) end
  if stat.type ~= "file" then error(("sse.file: '%s' is not a file"):format(path), 2) end
  return function(req, res) return serve(req, res, path, given) end
end

-- A name that stays where it is, on any system, and isn't hidden.
local function is_plain(segment)
  if segment == "" or segment:find("[/\\\0]") then return false end
  return segment:sub(1, 1) ~= "." or segment == ".well-known"
end

-- Whether a path without symbolic links leads to what the folder shows: it lies below the root, and
-- no name on the way is hidden.
local function is_shown(root, path)
  if path == root then return true end
  local base = root == "/" and "/" or root .. "/"
  if path:sub(1, #base) ~= base then return false end
  for segment in path:sub(#base + 1):gmatch("[^/]+") do
    if not is_plain(segment) then return false end
  end
  return true
end

-- The path of the file asked for, without symbolic links; nil for none, and for what a link leads
-- to that the folder does not show itself, unless links are followed anywhere. Behind a folder's
-- trailing slash its index.html is meant.
local function resolve(folder, segments)
  local last = #segments
  local slash = segments[last] == ""
  if slash then last = last - 1 end
  for i = 1, last do
    if not is_plain(segments[i]) then return nil end
  end
  local path = core.realpath(folder.root .. "/" .. table.concat(segments, "/", 1, last))
  if slash and path then path = core.realpath(path .. "/index.html") end
  return path and (folder.follow_links or is_shown(folder.root, path)) and path or nil
end

-- Whether the folder asked for without its slash has what would be served behind it.
local function has_index(folder, segments)
  local behind = table.move(segments, 1, #segments, 1, {})
  behind[#behind + 1] = ""
  local path = resolve(folder, behind)
  local stat = path and core.stat(path)
  return stat and stat.type == "file"
end

local function redirect(req, res)
  local query = req.raw_query ~= "" and "?" .. req.raw_query or ""
  res:reply(301, nil, { Location = req.raw_path .. "/" .. query })
end

local folder_options = { follow_links = "boolean" }

-- Raises where the path is no folder's; the level is that of whoever called the caller.
local function check_folder(path, level)
  options.path("server:static", "a folder's path", path, level + 1)
  local stat, message = core.stat(path)
  if not stat then
    error(("server:static: cannot read '%s': %s"):format(path, message), level)
  elseif stat.type ~= "folder" then
    error(("server:static: '%s' is not a folder"):format(path), level)
  end
end

--- A handler for what is below a prefix; raises where the folder is none.
-- @tparam string path the folder's
-- @tparam[opt] table given `follow_links`: whether symbolic links lead out of the folder and to
-- hidden files
-- @tparam[opt=1] int level whom an error blames
-- @treturn function
function files.folder(path, given, level)
  level = (level or 1) + 1
  check_folder(path, level + 1)
  given = options.check("server:static", given, folder_options, level + 1)
  local folder = { root = core.realpath(path), follow_links = given.follow_links }
  return function(req, res)
    local file = resolve(folder, req.params)
    local found = file and core.stat(file)
    if not found then return res:reply(404, "Not Found\n") end
    local bare = req.params[#req.params] ~= ""
    if found.type == "folder" and bare and has_index(folder, req.params) then
      return redirect(req, res)
    end
    return serve(req, res, file, {})
  end
end

return files
