--- Feeds HTTP/1.1 requests as bytes: whole, byte by byte, and split at every point; the outcome
-- must be the same each time.
local assert = require "luassert"
local wire = require "spec.http1_wire"

local cases = {
  GET = "GET / HTTP/1.1\r\nHost: a\r\n",
  POST = "POST / HTTP/1.1\r\nHost: a\r\n",
}
cases.CHUNKED = cases.POST .. "Transfer-Encoding: chunked\r\n\r\n"

function cases.pieces_of_one(bytes)
  local pieces = {}
  for i = 1, #bytes do pieces[i] = bytes:sub(i, i) end
  return pieces
end

--- The outcome for these bytes, which must not depend on how they are split. Its `given` is from
-- the run byte by byte: the number of bytes after which the request was refused.
function cases.feed(bytes, limits)
  limits = limits or {}
  local outcome = wire.feed(cases.pieces_of_one(bytes), limits)
  local given = outcome.given
  outcome.given = nil
  for at = 0, #bytes do
    local other = wire.feed({ bytes:sub(1, at), bytes:sub(at + 1) }, limits)
    other.given = nil
    assert.same(outcome, other, "split after byte " .. at)
  end
  outcome.given = given
  return outcome
end

--- Turns LF into CRLF.
function cases.crlf(text)
  return (text:gsub("\n", "\r\n"))
end

--- Checks that the bytes are refused with that status. A "|" in them marks the byte after which the
-- refusal must come.
function cases.refuses(status, bytes, limits)
  local mark = bytes:find("|", 1, true)
  if mark then bytes = bytes:sub(1, mark - 1) .. bytes:sub(mark + 1) end
  local got = cases.feed(bytes, limits)
  assert.equal(status, got.status)
  assert.is_string(got.reason)
  if mark then assert.equal(mark - 1, got.given, "refused at byte") end
  return got
end

--- The one request of these bytes.
function cases.one(bytes, limits)
  local got = cases.feed(bytes, limits)
  assert.is_nil(got.status, got.reason)
  assert.equal(1, #got)
  return got[1]
end

return cases
