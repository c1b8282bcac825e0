--- A client that decodes an event stream as it comes: chunks, then the content coding. `text` is
-- the plain text that a browser would have by now.
local inflater = require "spec.inflater"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local decoding = {}
decoding.__index = decoding

--- Opens a stream of the server of `serving`; returns its client, which has read the response's
-- head.
-- @tparam string path
-- @tparam[opt="gzip"] string accept the Accept-Encoding
-- @tparam[opt=""] string fields more lines, each with its CRLF
-- @tparam[opt] boolean narrow with a small receive buffer; see also `following.shrink_buffers`
function decoding.open(path, accept, fields, narrow)
  local client = serving.connect(narrow and 4096)
  client:send(("GET %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n%s\r\n"):format(path,
    accept or "gzip", fields or ""))
  local self = setmetatable({ client = client, text = "", wire = 0 }, decoding)
  self.head = client:head()
  self.coding = self.head.headers["content-encoding"]
  if self.coding and self.coding ~= "identity" then self.inflater = inflater.new() end
  return self
end

-- The chunk that begins at `at`, if all of it is there, and where the next one begins.
local function next_chunk(buffer, at)
  local digits, stop = buffer:match("^(%x+)\r\n()", at)
  local size = digits and tonumber(digits, 16)
  if not size or #buffer < stop + size + 1 then return nil, at end
  assert(buffer:sub(stop + size, stop + size + 1) == "\r\n", "no line end behind a chunk")
  return buffer:sub(stop, stop + size - 1), stop + size + 2
end

--- Decodes what has come.
function decoding:take()
  self.client:take()
  local buffer = self.client.buffer
  local chunk, at = next_chunk(buffer, 1)
  local pieces = { self.text }
  while chunk do
    if chunk == "" then self.ended = true end
    self.wire = self.wire + #chunk
    pieces[#pieces + 1] = self.inflater and self.inflater:feed(chunk) or chunk
    chunk, at = next_chunk(buffer, at)
  end
  self.client.buffer = buffer:sub(at)
  if pieces[2] then self.text = table.concat(pieces) end
  return self.text
end

--- Pumps the loop until the plain text contains this; returns all of the plain text.
function decoding:till(what)
  local from = 1
  local ok, err = pcall(raw.pump, function()
    local text = self:take()
    if text:find(what, from, true) then return true end
    from = math.max(1, #text - #what)
  end, ("%q"):format(what))
  if not ok then error(("%s in %q"):format(err, self.text:sub(-200)), 2) end
  return self.text
end

--- Pumps the loop until the stream has ended or broken off; returns whether chunks and content
-- coding ended cleanly.
function decoding:till_end()
  raw.pump(function()
    self:take()
    return self.ended or self.client.eof
  end, "the stream's end")
  return self.ended or false, not self.inflater or self.inflater:ended()
end

return decoding
