-- The PROXY protocol's header, in pieces of every length.
local proxy_headers = require "spec.support.proxy_headers"
local random = require "spec.support.random"
local wire = require "spec.proxies_wire"

-- Lengths of pieces: every one up to the header's, or for a long one some.
local function steps(bytes)
  local list = {}
  for step = 1, math.min(#bytes, 120) do list[#list + 1] = step end
  list[#list + 1] = #bytes + 100
  return list
end

describe("a PROXY header", function()
  for _, case in ipairs(proxy_headers.right) do
    local name, bytes, client, secure = table.unpack(case)

    it(("is read: %s"):format(name), function()
      local address = client == "2001:db8::1" and "2001:db8:0:0:0:0:0:1" or client
      for _, step in ipairs(steps(bytes)) do
        assert.same({ address, secure or false, #bytes }, { wire.proxy_header(bytes, step) }, step)
      end
    end)

    it(("takes no byte of what follows: %s"):format(name), function()
      for _, step in ipairs(steps(bytes)) do
        assert.equal(#bytes, select(3, wire.proxy_header(bytes .. "GET / HTTP/1.1\r\n", step)),
          step)
      end
    end)

    it(("is not whole before its last byte: %s"):format(name), function()
      for length = 0, math.min(#bytes - 1, 300) do
        assert.same({ nil, "EAGAIN" }, { wire.proxy_header(bytes:sub(1, length), length + 1) },
          length)
      end
    end)
  end

  for name, bytes in pairs(proxy_headers.wrong) do
    it(("is refused: %s"):format(name), function()
      for _, step in ipairs(steps(bytes)) do
        assert.same({ nil, "EPROTO" }, { wire.proxy_header(bytes, step) }, step)
      end
    end)
  end

  it("of random bytes is refused or waited for, and never read past its end", function()
    local signature = proxy_headers.SIGNATURE
    local starts = { "", "PROXY ", "PROXY TCP4 ", signature, signature .. "\x21\x11\0" }
    for seed = 1, 2000 do
      local pick, bytes = random.new(seed), {}
      for i = 1, pick(60) do bytes[i] = string.char(pick(256) - 1) end
      wire.proxy_header(starts[pick(#starts)] .. table.concat(bytes), pick(70))
    end
  end)
end)
