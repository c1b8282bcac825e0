--- A client for the specs that takes an event stream apart as it comes: chunks, then the content
-- coding. `text` is what a browser would have by now.
local inflater = require "spec.inflater"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local packed = {}
packed.__index = packed

--- Opens a stream of the server of `serving` and gives its client, behind the head.
-- @tparam string path
-- @tparam[opt="gzip"] string accept the Accept-Encoding
-- @tparam[opt=""] string fields more lines, each with its CRLF
-- @tparam[opt] boolean narrow it takes little at a time; see also `following.narrow`
function packed.open(path, accept, fields, narrow)
  local client = serving.connect(narrow and 4096)
  client:send(("GET %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n%s\r\n"):format(path,
    accept or "gzip", fields or ""))
  local self = setmetatable({ client = client, text = "", wire = 0 }, packed)
  self.head = client:head()
  self.coding = self.head.headers["content-encoding"]
  if self.coding and self.coding ~= "identity" then self.inflater = inflater.new() end
  return self
end

-- The whole chunk that begins there, if it is all there, and where the next one begins.
local function next_chunk(buffer, at)
  local digits, stop = buffer:match("^(%x+)\r\n()", at)
  local size = digits and tonumber(digits, 16)
  if not size or #buffer < stop + size + 1 then return nil, at end
  assert(buffer:sub(stop + size, stop + size + 1) == "\r\n", "no line end behind a chunk")
  return buffer:sub(stop, stop + size - 1), stop + size + 2
end

--- Takes what has arrived.
function packed:take()
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

--- Pumps until the plain text holds this, and gives all of it.
function packed:till(what)
  local from = 1
  local ok, err = pcall(raw.pump, function()
    local text = self:take()
    if text:find(what, from, true) then return true end
    from = math.max(1, #text - #what)
  end, ("%q"):format(what))
  if not ok then error(("%s in %q"):format(err, self.text:sub(-200)), 2) end
  return self.text
end

--- Pumps until the stream ended or broke off; gives whether its end was clean: of the chunks, and
-- of the coding where it has one.
function packed:till_end()
  raw.pump(function()
    self:take()
    return self.ended or self.client.eof
  end, "the stream's end")
  return self.ended or false, not self.inflater or self.inflater:ended()
end

return packed
