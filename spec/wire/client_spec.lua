-- Addresses, networks and the hosts of a server, as csrc/wire reads them.
local wire = require "spec.proxies_wire"

describe("an address", function()
  it("is read in each of its forms", function()
    for text, canonical in pairs {
      ["192.0.2.1"] = "192.0.2.1", ["0.0.0.0"] = "0.0.0.0", ["255.255.255.255"] = "255.255.255.255",
      ["::"] = "0:0:0:0:0:0:0:0", ["::1"] = "0:0:0:0:0:0:0:1", ["1::"] = "1:0:0:0:0:0:0:0",
      ["2001:DB8::a:1"] = "2001:db8:0:0:0:0:a:1", ["1:2:3:4:5:6:7:8"] = "1:2:3:4:5:6:7:8",
      ["1:2:3::5:6:7:8"] = "1:2:3:0:5:6:7:8", ["::2:3:4:5:6:7:8"] = "0:2:3:4:5:6:7:8",
      ["64:ff9b::192.0.2.1"] = "64:ff9b:0:0:0:0:c000:201",
      ["1:2:3:4:5:6:7.8.9.10"] = "1:2:3:4:5:6:708:90a",
      ["::ffff:192.0.2.1"] = "192.0.2.1", ["0:0:0:0:0:FFFF:c000:0201"] = "192.0.2.1",
    } do
      assert.equal(canonical, wire.client(text), text)
    end
  end)

  it("is refused in every other form", function()
    for _, text in ipairs {
      "", " ", "a", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1..2.3",
      "256.1.1.1",
      "1.2.3.256", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\0", "1.2.3.4:80",
      "0x7f.0.0.1", "127.1", "1.2.3.-4", "+1.2.3.4", "1.2.3.4/8", "unix", "localhost",
      ":", ":::", "1", ":1", "1:", "1::2::3", "1:::2", "::1::", "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "::g", "[::1]", "::1%lo",
      "fe80::1%25eth0",
      "::1.2.3", "::1.2.3.4.5", "::256.1.1.1", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
      "::ffff:1.2.3.4.", "::\0", ("1:"):rep(40),
    } do
      assert.is_nil(wire.client(text), text)
    end
  end)
end)

describe("a network", function()
  it("has the addresses that begin with its bits", function()
    for _, case in ipairs {
      { "10.0.0.0/8", "10.255.1.2", true }, { "10.0.0.0/8", "11.0.0.0", false },
      { "172.16.0.0/12", "172.31.255.255", true }, { "172.16.0.0/12", "172.32.0.0", false },
      { "192.0.2.1", "192.0.2.1", true }, { "192.0.2.1", "192.0.2.2", false },
      { "192.0.2.0/31", "192.0.2.1", true }, { "192.0.2.0/31", "192.0.2.2", false },
      { "0.0.0.0/0", "203.0.113.9", true }, { "0.0.0.0/0", "::1", false },
      { "::/0", "2001:db8::1", true }, { "::/0", "192.0.2.1", false },
      { "::/0", "::ffff:192.0.2.1", false }, { "0.0.0.0/0", "::ffff:192.0.2.1", true },
      { "2001:db8::/32", "2001:db8:ffff::1", true }, { "2001:db8::/32", "2001:db9::", false },
      { "2001:db8::8000/113", "2001:db8::ffff", true }, { "2001:db8::8000/113", "2001:db8::7fff",
        false },
      { "::ffff:10.0.0.0/104", "10.9.9.9", true }, { "::ffff:10.0.0.0/104", "11.0.0.0", false },
      { "::ffff:0:0/96", "192.0.2.1", true }, { "::ffff:0:0/96", "::1", false },
      { "unix", "unix", true }, { "unix", "127.0.0.1", false }, { "127.0.0.1", "unix", false },
      { "0.0.0.0/0", "unix", false }, { "::/0", "unix", false },
    } do
      assert.equal(case[3], wire.has(case[1], case[2]), case[1] .. " " .. case[2])
    end
  end)

  it("that is none is refused, with what is expected", function()
    for text, why in pairs {
      [""] = "expected an address", ["Unix"] = "expected an address",
      ["unix "] = "expected an address",
      ["localhost"] = "expected an address", ["/8"] = "expected an address",
      ["*"] = "expected an address",
      ["10.0.0.0/"] = "0 to 32", ["10.0.0.0/33"] = "0 to 32", ["10.0.0.0/08"] = "0 to 32",
      ["10.0.0.0/-1"] = "0 to 32", ["10.0.0.0/8 "] = "0 to 32", ["10.0.0.0/8/8"] = "0 to 32",
      ["10.0.0.0/255.0.0.0"] = "0 to 32", ["10/8"] = "expected an address", ["::/129"] = "0 to 128",
      ["10.0.0.1/8"] = "not the first one", ["2001:db8::1/32"] = "not the first one",
      ["::1/0"] = "not the first one", ["::ffff:10.0.0.0/95"] = "at least /96",
      ["::ffff:10.0.0.1/104"] = "not the first one", ["fe80::%eth0/64"] = "expected an address",
      ["[::1]"] = "expected an address", ["unix/8"] = "expected an address",
    } do
      assert.error_matches(function() wire.has(text, "192.0.2.1") end, why, 1, true)
    end
  end)
end)

describe("the hosts of a server", function()
  local hosts = { "app.example", "*.any.example", "port.example:8443", "192.0.2.1", "[2001:db8::1]",
    "tls.example:443", "dot.example." }

  it("are compared as names", function()
    for host, expected in pairs {
      ["app.example"] = true, ["APP.Example"] = true, ["app.example."] = true,
      ["app.example:81"] = true,
      ["app.example.:81"] = true, ["app.example:"] = true, ["xapp.example"] = false,
      ["app.example.evil.test"] = false, ["evil.test"] = false, ["app.examplE."] = true,
      ["app.example.."] = false, ["app%2Eexample"] = false, ["%61pp.example"] = false,
      ["x.any.example"] = true, ["X.ANY.example."] = true, ["any.example"] = false,
      [".any.example"] = false,
      ["a.b.any.example"] = false, ["x.any.example:99"] = true,
      ["port.example"] = false, ["port.example:8443"] = true, ["port.example:08443"] = true,
      ["port.example:8444"] = false, ["192.0.2.1"] = true, ["192.0.2.1:80"] = true,
      ["192.0.2.2"] = false,
      ["[2001:db8::1]"] = true, ["[2001:0DB8:0::1]:80"] = true, ["[2001:db8::2]"] = false,
      ["[::ffff:192.0.2.1]"] = true, ["dot.example"] = true, ["dot.example."] = true,
      ["tls.example"] = false, [""] = false, ["app.example "] = false, ["a@app.example"] = false,
      ["app.example,evil.test"] = false, ["app.example\0"] = false, ["0.0.0.0"] = false,
      ["[::]"] = false,
    } do
      assert.equal(expected, wire.hosts(hosts, host), host)
    end
    assert.is_true(wire.hosts(hosts, "tls.example", true))
    assert.is_false(wire.hosts(hosts, "port.example", true))
    assert.is_true(wire.hosts({ "app.example:80" }, "app.example", false))
  end)

  it("have the names of this machine, and no others like them", function()
    for host, expected in pairs {
      localhost = true, ["LOCALHOST:9522"] = true, ["localhost."] = true, ["a.b.localhost"] = true,
      ["127.0.0.1"] = true, ["127.9.9.9:1"] = true, ["[::1]:9522"] = true,
      ["[::ffff:127.0.0.1]"] = true,
      ["localhost.evil.test"] = false, ["xlocalhost"] = false, [".localhost"] = false,
      ["127.1"] = false,
      ["127.0.0.1.evil.test"] = false, ["[::2]"] = false, ["128.0.0.1"] = false,
      ["0x7f000001"] = false,
    } do
      assert.equal(expected, wire.hosts({ "app.example" }, host), host)
    end
  end)

  it("that are none are refused", function()
    for _, text in ipairs {
      "", "*", "*.", "http://a", "a/b", "a b", "a:x", "a:65536", "[::1", "::1", "[1.2.3.4]",
      "[::1%lo]",
      "*.1.2.3.4", "*.[::1]", "a.*.b", "*.*.b", "*..b", "a@b", "a\0", "ä.example", "a,b",
      "*.example.*",
    } do
      assert.error_matches(function() wire.hosts({ text }, "a") end, "expected a host", 1, true)
    end
  end)
end)
