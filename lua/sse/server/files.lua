--- Handlers that answer with a file: with one (`sse.file`), or with those of a folder
-- (`server:static`).
-- @module sse.server.files
local byte_range = require "sse.server.byte_range"
local conditions = require "sse.server.conditions"
local core = require "sse.core"
local file_sending = require "sse.server.file_sending"
local headers = require "sse.shared.headers"
local keys = require "sse.server.keys"
local media_types = require "sse.server.media_types"
local options = require "sse.shared.options"
local request = require "sse.server.request"
local response_head = require "sse.server.response_head"

local files = {}

local SETTLED = 2 -- s
local MAX_TRIES = 3 -- to open a file that changes at that moment

local days = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local months = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}

-- A time as an IMF-fixdate (RFC 9110 5.6.7). The names are not os.date's, which depend on the
-- locale.
local function http_date(time)
  local t = os.date("!*t", math.floor(time))
  return ("%s, %02d %s %d %02d:%02d:%02d GMT"):format(days[t.wday], t.day, months[t.month], t.year,
    t.hour, t.min, t.sec)
end

-- Whether a file was modified so long ago that another change would show in its time.
local function is_settled(stat)
  return os.time() - stat.mtime >= SETTLED
end

-- The entity tag of a file: its size, and its time of modification in microseconds. It is a weak
-- one while the file may still change within the same tick of the file system's clock.
local function entity_tag(stat)
  local tag = ('"%x-%x"'):format(stat.size, math.floor(stat.mtime * 1e6))
  return is_settled(stat) and tag or "W/" .. tag
end

-- Sets a field in a table of fields, unless the table has one of its name in any case, or the
-- response keeps one. Returns the value that the response then has for the name.
local function set_default(res, fields, name, value)
  for known, given in pairs(fields) do
    if tostring(known):lower() == name:lower() then return given end
  end
  local kept = response_head.kept(res, name)
  if kept then return kept end
  fields[name] = value
  return value
end

-- The range that a request asks for, nil for the whole file. Only GET has one. With If-Range the
-- client's part must be of the same file: its tag is a strong one, or its date that of a file that
-- is settled.
local function range_of(req, stat, tag, modified)
  local asked = req.method == "GET" and byte_range.parse(req:header "range")
  local condition = asked and req:header "if-range"
  if not condition then return asked or nil end
  local same = condition == tag and condition:sub(1, 1) == '"'
    or condition == modified and is_settled(stat)
  return same and asked or nil
end

-- Answers a request with a file; with 404 if the path leads to no file now. Where the file changes
-- at this moment, its header fields are made anew; with 503 where it does again and again.
local function serve(req, res, path, given, tries)
  local stat = core.stat(path)
  if not stat or stat.type ~= "file" then return res:reply(404, "Not Found\n") end
  local fields = {}
  for name, value in pairs(given.headers or {}) do fields[name] = value end
  local tag = set_default(res, fields, "ETag", entity_tag(stat))
  local modified = set_default(res, fields, "Last-Modified", http_date(stat.mtime))
  if conditions.is_current(req, tag, modified) then return res:reply(304, nil, fields) end
  set_default(res, fields, "Content-Type", given.content_type or media_types.of(path))
  set_default(res, fields, "X-Content-Type-Options", "nosniff")
  local unit = set_default(res, fields, "Accept-Ranges", "bytes")
  local range = unit == "bytes" and range_of(req, stat, tag, modified) or nil
  local asked = { path = path, stat = stat, range = range }
  if file_sending.send(req, res, asked, fields) ~= false then return end
  tries = tries or MAX_TRIES
  if tries > 1 then return serve(req, res, path, given, tries - 1) end
  res:reply(503, "Service Unavailable\n", { ["Retry-After"] = "1" })
end

local FILES = " [docs/errors.md#files]"

local spec = options.spec("sse.file", { content_type = "string", headers = "table" })

-- Raises at the line of the caller's caller.
local function check_headers(given)
  local list, message = headers.list(given.headers or {})
  if not list then error("sse.file: " .. message, 3) end
  if given.content_type and not headers.sendable(given.content_type) then
    error("sse.file: option 'content_type' holds a control character", 3)
  end
end

--- Makes a handler that answers with a file, as it is at each request. Raises if there is no such
-- file now.
-- @function sse.file
-- @tparam string path
-- @tparam[opt] table given `content_type`, by default known from the name's extension; `headers`,
-- name to value, which replace the handler's own; If-None-Match is compared with an `ETag` in them
-- @treturn function the handler
function files.file(path, given, ...)
  options.check_count("sse.file(path, options)", ...)
  given = options.check("sse.file", given, spec)
  check_headers(given)
  options.check_path("sse.file", "a path", path, 3)
  local stat, message = core.stat(path)
  if not stat then error(("sse.file: cannot read '%s': %s%s"):format(path, message, FILES), 2) end
  if stat.type ~= "file" then error(("sse.file: '%s' is not a file%s"):format(path, FILES), 2) end
  return function(req, res) return serve(req, res, path, given) end
end

-- Whether a segment is the name of a file or folder that is not hidden. It is no "..", and has no
-- separator of any system.
local function is_plain(segment)
  if segment == "" or segment:find("[/\\\0]") then return false end
  return segment:sub(1, 1) ~= "." or segment == ".well-known"
end

-- Whether a path without symbolic links lies below the root and has no hidden name in the part
-- below it.
local function is_visible(root, path)
  if path == root then return true end
  local base = root == "/" and "/" or root .. "/"
  if path:sub(1, #base) ~= base then return false end
  for segment in path:sub(#base + 1):gmatch("[^/]+") do
    if not is_plain(segment) then return false end
  end
  return true
end

-- The path of the file that the segments of a request's path ask for, without symbolic links; nil
-- if there is none. Without `follow_links` a link must lead to a visible file of the folder. A
-- folder's path with a trailing slash asks for its index.html.
local function resolve(folder, segments)
  local last = #segments
  local slash = segments[last] == ""
  if slash then last = last - 1 end
  for i = 1, last do
    if not is_plain(segments[i]) then return nil end
  end
  local path = core.realpath(folder.root .. "/" .. table.concat(segments, "/", 1, last))
  if slash and path then path = core.realpath(path .. "/index.html") end
  return path and (folder.follow_links or is_visible(folder.root, path)) and path or nil
end

-- Whether the folder that the segments ask for, without a trailing slash, has an index.html.
local function has_index(folder, segments)
  local with_slash = table.move(segments, 1, #segments, 1, {})
  with_slash[#with_slash + 1] = ""
  local path = resolve(folder, with_slash)
  local stat = path and core.stat(path)
  return stat and stat.type == "file"
end

-- Redirects to the same path with a trailing slash.
local function redirect(req, res)
  local query = request.raw_query(req)
  if query ~= "" then query = "?" .. query end
  res:reply(301, nil, { Location = req[keys.RAW_PATH] .. "/" .. query })
end

local folder_options = options.spec("server:static", { follow_links = "boolean" })

-- Raises if the path leads to no folder; `level` is as of `error`, seen from this function.
local function check_folder(path, level)
  options.check_path("server:static", "a folder's path", path, level + 1)
  local stat, message = core.stat(path)
  if not stat then
    error(("server:static: cannot read '%s': %s%s"):format(path, message, FILES), level)
  elseif stat.type ~= "folder" then
    error(("server:static: '%s' is not a folder%s"):format(path, FILES), level)
  end
end

--- Makes a handler for the files of a folder, for `router:add_prefix`. Raises if there is no such
-- folder.
-- @tparam string path the folder's
-- @tparam[opt] table given `follow_links` (boolean): symbolic links may lead out of the folder, and
-- to hidden files
-- @tparam[opt=1] int level as of `error`, seen from the caller
-- @treturn function the handler
function files.folder(path, given, level)
  level = (level or 1) + 1
  check_folder(path, level + 1)
  given = options.check("server:static", given, folder_options, level + 1)
  local folder = { root = core.realpath(path), follow_links = given.follow_links }
  return function(req, res)
    local file = resolve(folder, req.params)
    local found = file and core.stat(file)
    if not found then return res:reply(404, "Not Found\n") end
    local has_slash = req.params[#req.params] == ""
    if found.type == "folder" and not has_slash and has_index(folder, req.params) then
      return redirect(req, res)
    end
    return serve(req, res, file, {})
  end
end

return files
