--- Sends an open file as the body of a response, piece by piece: the next piece when the client has
-- taken the one before, so that a response holds one piece at a time.
-- @module sse.server.file_sending
local byte_range = require "sse.server.byte_range"
local core = require "sse.core"
local response = require "sse.server.response"

local file_sending = {}

local PIECE = 64 * 1024 -- bytes read at once
local MAX_OPEN_WAITING = 64 -- files that stay open while their clients take nothing
local ENFILE, EMFILE = 23, 24 -- no descriptor is left; the same on Linux, macOS and the BSDs

local open_waiting = 0 -- files that are open while their clients take nothing

-- A sending has `path`; `file`, nil while it is closed; `at`, the position of the next piece;
-- `left`, the bytes that are still to be read; `stat`, that of the file before it was opened. An
-- error raised here makes the server break off the response.

local function raise_cut(sending, why)
  error(("a file ended %d bytes early: %s"):format(sending.left, why), 0)
end

-- Whether the file at a path is not the one of which `stat` was taken.
local function has_changed(path, stat)
  local now = core.stat(path)
  return not now or now.size ~= stat.size or now.mtime ~= stat.mtime
end

-- Opens a file again that was closed while its client took nothing. Raises if it has changed since:
-- the response would be made of two different files.
local function reopen(sending)
  local file, why = io.open(sending.path, "rb")
  if not file then raise_cut(sending, why) end
  sending.file = file
  if has_changed(sending.path, sending.stat) then raise_cut(sending, "it has changed") end
  if not file:seek("set", sending.at) then raise_cut(sending, "it can't be read from there") end
end

-- Reads the next piece. Raises if it cannot be read, or the file has become shorter.
local function read_piece(sending)
  if not sending.file then reopen(sending) end
  local piece, why = sending.file:read(math.min(sending.left, PIECE))
  if not piece then raise_cut(sending, why or "it has become shorter") end
  sending.at, sending.left = sending.at + #piece, sending.left - #piece
  return piece
end

local function close(sending)
  if sending.file then sending.file:close() end
  sending.file = nil
end

-- Sends a piece. Returns false if the client has gone.
local function send_piece(res, piece)
  while true do
    local ok, _, code = res:write(piece)
    if ok then return true end
    if code ~= "EFULL" or not res:drain() then return false end
  end
end

-- Waits until the client has taken what was sent; returns nil if it has gone. Meanwhile the file is
-- closed if all of it has been read, or if MAX_OPEN_WAITING others are open in the same way:
-- clients that read nothing could otherwise use up all descriptors.
local function drain(res, sending)
  if sending.left == 0 or open_waiting >= MAX_OPEN_WAITING then
    close(sending)
    return res:drain()
  end
  open_waiting = open_waiting + 1
  local function count_down() open_waiting = open_waiting - 1 end
  local _end <close> = setmetatable({}, { __close = count_down })
  return res:drain()
end

-- During the wait only the core holds the piece: no local variable refers to it.
local function send_pieces(res, sending)
  while sending.left > 0 do
    if not send_piece(res, read_piece(sending)) or not drain(res, sending) then return end
  end
  res:finish()
end

-- Answers a request whose file could not be opened: 503 if no descriptor is left, else 404.
local function reply_unreadable(res, errno)
  if errno == EMFILE or errno == ENFILE then
    return res:reply(503, "Service Unavailable\n", { ["Retry-After"] = "1" })
  end
  res:reply(404, "Not Found\n")
end

-- Begins the response of a file of `size` bytes. Returns the position of its first byte and their
-- number; nil if the request is answered, or the client has gone. An empty file has no ranges.
local function begin(res, asked, size, fields)
  local status, at, length = 200, 0, size
  if asked.range and size > 0 then
    status, at, length = 206, byte_range.locate(asked.range, size)
    if not at then
      res:reply(416, "Range Not Satisfiable\n", { ["Content-Range"] = "bytes */" .. size })
      return nil
    end
    fields["Content-Range"] = ("bytes %d-%d/%d"):format(at, at + length - 1, size)
  end
  if not response.start_sized(res, status, fields, length) then return nil end
  return at, length
end

--- Answers a request with a file: with status 200 and all of it, or its head alone to HEAD; with
-- 206 and a part, or 416 if it has no such part. Waits for the client; runs in a task. Raises if
-- the file changes or becomes unreadable during a wait.
-- @param req
-- @param res
-- @tparam table asked `path`; `stat`, of core.stat; `range`, of sse.server.byte_range, or nil
-- @tparam table fields header fields, name to value
-- @treturn boolean false if the file has changed since `stat` was taken, by which the fields were
-- made: the request is not answered then
function file_sending.send(req, res, asked, fields)
  local file, _, errno = io.open(asked.path, "rb")
  if not file then return reply_unreadable(res, errno) end
  local sending = { path = asked.path, file = file, at = 0, left = 0, stat = asked.stat }
  local _end <close> = setmetatable({}, { __close = function() close(sending) end })
  if has_changed(asked.path, asked.stat) then return false end
  local size = file:seek("end")
  if not size or not file:seek("set") then return res:reply(404, "Not Found\n") end
  local at, length = begin(res, asked, size, fields)
  if not at then return true end
  if req.method == "HEAD" then return res:finish() end
  if not file:seek("set", at) then raise_cut(sending, "it can't be read from there") end
  sending.at, sending.left = at, length
  send_pieces(res, sending)
  return true
end

return file_sending
