-- base64url: RFC 4648 section 10 without padding, and one text only for each string of bytes.
local core = require "sse.core"

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

describe("base64url", function()
  it("is that of RFC 4648", function()
    for bytes, text in pairs {
      [""] = "", f = "Zg", fo = "Zm8", foo = "Zm9v", foob = "Zm9vYg", fooba = "Zm9vYmE",
      foobar = "Zm9vYmFy", ["\xfb\xff\xfe"] = "-__-", ["\0"] = "AA",
    } do
      assert.equal(text, core.base64url(bytes))
      assert.equal(bytes, core.base64url_decode(text))
    end
  end)

  it("gives every byte at every place back", function()
    for length = 1, 7 do
      for byte = 0, 255 do
        local bytes = ("x"):rep(length - 1) .. string.char(byte)
        assert.equal(bytes, core.base64url_decode(core.base64url(bytes)))
        assert.equal(bytes:reverse(), core.base64url_decode(core.base64url(bytes:reverse())))
      end
    end
  end)

  it("refuses other characters, padding, blanks, and a length that no bytes have", function()
    for _, text in ipairs {
      "Zg==", "Zm9v\n", " Zm9v", "Zm 9v", "Zm+v", "Zm/v", "Zm9v.", "Zm9\0", "Zm9\xc3\xbc", "A",
      "Zm9vA", "Z=", "=",
    } do
      assert.is_nil(core.base64url_decode(text), text)
    end
    for byte = 0, 255 do
      local is_digit = ALPHABET:find(string.char(byte), 1, true) ~= nil
      assert.equal(is_digit, core.base64url_decode("AAA" .. string.char(byte)) ~= nil)
    end
  end)

  it("refuses a second text for the same bytes", function()
    for i = 1, 64 do
      local last = ALPHABET:sub(i, i)
      assert.equal((i - 1) % 16 == 0, core.base64url_decode("A" .. last) ~= nil)
      assert.equal((i - 1) % 4 == 0, core.base64url_decode("AA" .. last) ~= nil)
    end
  end)
end)
