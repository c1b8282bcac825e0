-- The blocks of compressed event streams, as decoders see them.
local random = require "spec.support.random"
local serving = require "spec.support.serving"

local kinds = {
  { "gzip" }, { "deflate" }, { "gzip", "X-Compress: window\r\n" },
  { "deflate", "X-Compress: window\r\n" },
}

-- Text that does not shrink.
local function noise(n)
  local pick, bytes = random.new(n), {}
  for i = 1, n do bytes[i] = string.char(31 + pick(95)) end
  return table.concat(bytes)
end

describe("compressed streams", function()
  after_each(serving.stop)

  -- Go's decoder holds back what stored blocks have until an empty block comes.
  for _, kind in ipairs(kinds) do
    it(("end each piece with an empty block: %s %s"):format(kind[1], kind[2] or ""), function()
      local opened
      serving.start({ heartbeat = 20 }, function(server)
        server:get("/", function(req, res)
          opened = res:event_stream { retry = 1234, compress = req:header "x-compress" }
        end)
      end)
      local client = serving.connect()
      local head = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n%s\r\n"
      client:send(head:format(kind[1], kind[2] or ""))
      client:head()
      local pieces = 0
      local function piece()
        local size = tonumber(client:receive_until "\r\n":match "%x+", 16)
        local bytes = client:receive_bytes(size)
        client:receive_bytes(2)
        local is_head = #bytes <= 10 and bytes:find "^[\x1f\x78]" ~= nil -- of the coding
        if not is_head then
          pieces = pieces + 1
          assert.equal("\0\0\xff\xff", bytes:sub(-4), pieces)
        end
      end
      for _, text in ipairs { "x", ("tiny "):rep(9), ("long "):rep(999), noise(300) } do
        opened:send(text)
        piece()
      end
      while pieces < 7 do piece() end -- heartbeats, too
    end)
  end
end)
