-- req:form and req:form_all: forms as browsers send them, and bodies that are none.
local serving = require "spec.support.serving"
local sse = require "sse"

local URLENCODED = "application/x-www-form-urlencoded"

-- What a handler reads of a body: { fields, files } or { error, code }; and all of the field "a".
local function read(content_type, body, given)
  local got, all
  serving.start({ max_body_size = 4 << 20 }, function(server)
    server:post("/", function(req, res)
      local fields, files, code = req:form(given)
      got = { fields or files, fields and files or code }
      all = req:form_all "a"
      res:reply(204)
    end)
  end)
  local fields = content_type and { ["Content-Type"] = content_type }
  assert.equal(204, serving.ask("POST /", fields, body).status)
  assert.same({}, serving.errors)
  return got, all
end

-- A body of parts, each a head and a text, with a boundary.
local function body_of(parts, boundary)
  local list = {}
  for _, part in ipairs(parts) do
    list[#list + 1] = ("--%s\r\n%s\r\n\r\n%s\r\n"):format(boundary, part[1], part[2])
  end
  return table.concat(list) .. ("--%s--\r\n"):format(boundary)
end

local function field(name, rest) return ('Content-Disposition: form-data; name="%s"%s'):format(name,
  rest or "") end

serving.each("req:form", function()
  after_each(serving.stop)

  it("reads what a form without files sends", function()
    local got, all = read(URLENCODED, "a=1&b=x+y%2B%C3%A9&a=2&c&=d&&e=")
    assert.same({ { a = "2", b = "x y+é", c = "", [""] = "d", e = "" }, {} }, got)
    assert.same({ "1", "2" }, all)
    serving.stop()
    assert.same({ {}, {} }, (read(URLENCODED .. "; charset=UTF-8", "")))
  end)

  it("leaves bad escapes as they are", function()
    assert.same({ { ["%"] = "%zz", b = "%4", c = "100%", d = "\xff" }, {} },
      (read(URLENCODED:upper(), "%=%zz&b=%4&c=100%&d=%ff")))
  end)

  it("reads what a form with files sends", function()
    local body = body_of({
      { field "a", "1" }, { field "a", "line 1\r\nline 2\r\n" }, { field "b", "" },
      { field("f", '; filename="é.txt"\r\nContent-Type: text/plain'), "x\r\n--not\r\n\0\xff" },
      { "content-type: image/png\r\n" .. field("f", '; filename="b.png"'), "png" },
      { field("none", '; filename=""\r\nContent-Type: application/octet-stream'), "" },
    }, "----WebKit'x")
    local got, all = read('multipart/form-data; boundary="----WebKit\'x"', body)
    assert.same({ { a = "line 1\r\nline 2\r\n", b = "" }, {
      { name = "f", filename = "é.txt", content_type = "text/plain",
        body = "x\r\n--not\r\n\0\xff" },
      { name = "f", filename = "b.png", content_type = "image/png", body = "png" },
    } }, got)
    assert.same({ "1", "line 1\r\nline 2\r\n" }, all)
  end)

  it("gives no more than the name of a file, and what browsers escape", function()
    local names = { ["a.txt"] = "a.txt", ["/etc/passwd"] = "passwd", ["..\\..\\x"] = "x",
      ["a%22b%0D%0A%25"] = 'a"b\r\n%25', ["../"] = "", ["a;b=c"] = "a;b=c" }
    for given, name in pairs(names) do
      local body = body_of({ { field("%22f", ('; filename="%s"'):format(given)), "x" } }, "b")
      local got = read("multipart/form-data; boundary=b", body)
      assert.same({ { name = '"f', filename = name, body = "x" } }, got[2])
      serving.stop()
    end
  end)

  it("takes text before the first part and behind the last one, and blanks behind boundaries",
    function()
      local body = "ignored\r\n--b \t\r\n" .. field "a" .. "\r\n\r\n1\r\n--bb\r\n--b\r\n"
        .. field "c" .. "\r\n\r\n2\r\n--b--ignored\r\n--b\r\n"
      assert.same({ { a = "1\r\n--bb", c = "2" }, {} },
        (read("multipart/form-data; boundary=b", body)))
    end)
end)

describe("req:form", function()
  after_each(serving.stop)

  local function refused(content_type, body, message, code, given)
    local got = read(content_type, body, given)
    assert.same({ message, code or "EINVAL" }, got)
    serving.stop()
  end

  it("refuses what is no form", function()
    local message = "the body is no form (application/x-www-form-urlencoded or multipart/form-data)"
    for _, content_type in ipairs { "application/json", "text/plain", "x", "", ";",
      URLENCODED .. "x", "multipart/form-data; boundary=a; boundary=b",
      'multipart/form-data; boundary="a', "multipart/form-data; boundary=",
      "multipart/mixed; boundary=b" } do
      refused(content_type, "a=1", message)
    end
    refused(nil, nil, message)
  end)

  it("refuses boundaries that are none", function()
    for _, boundary in ipairs { "", '; boundary=""', "; boundary=a%b",
      '; boundary="' .. ("x"):rep(71) .. '"', '; boundary="a "' } do
      refused("multipart/form-data" .. boundary, "--b--\r\n", boundary == '; boundary="a "'
        and "the form has no parts" or "the form has no valid boundary")
    end
  end)

  it("refuses a form that is cut, wherever it is", function()
    local whole = body_of({ { field "a", "1" }, { field("f", '; filename="x"'), "2" } }, "b")
    for length = 0, #whole - 3 do -- without the last line end it is whole
      local got = read("multipart/form-data; boundary=b", whole:sub(1, length))
      assert.equal("EINVAL", got[2], length)
      serving.stop()
    end
  end)

  it("refuses parts without a name, or with a strange head", function()
    for _, head in ipairs {
      "", "X: y", "Content-Disposition: form-data", "Content-Disposition: attachment; name=a",
      'Content-Disposition: form-data; name="a',
      'Content-Disposition: form-data; name="a"; name="b"',
      field "a" .. "\r\n" .. field "b", "no field", " folded: x", field "a" .. "\n",
      field("a", '"b"'), field("a", "; ="), 'Content-Disposition: form-data; filename="x"',
    } do
      refused("multipart/form-data; boundary=b", body_of({ { head, "1" } }, "b"),
        "a part has no name")
    end
    refused("multipart/form-data; boundary=b",
      body_of({ { field "a" .. "\r\nX: " .. ("y"):rep(9000), "1" } }, "b"),
      "the head of a part is too long")
  end)

  it("bounds fields and files", function()
    refused(URLENCODED, ("a=&"):rep(1000000), "the form has more than 1000 fields", "ETOOBIG")
    refused(URLENCODED, "a&b&c", "the form has more than 2 fields", "ETOOBIG", { max_fields = 2 })
    local parts = {}
    for i = 1, 1001 do parts[i] = { field "a", "" } end
    refused("multipart/form-data; boundary=b", body_of(parts, "b"),
      "the form has more than 1000 parts", "ETOOBIG")
    parts[1001] = nil
    local _, all = read("multipart/form-data; boundary=b", body_of(parts, "b"))
    assert.equal(1000, #all)
  end)

  it("raises on misuse", function()
    local message
    serving.start(function(server)
      server:post("/", function(req)
        message = {}
        for _, call in ipairs {
          function() req.form() end, function() req:form { max = 1 } end,
          function() req:form { max_fields = 0 } end, function() req:form_all() end,
        } do
          message[#message + 1] = select(2, pcall(call))
        end
        error { status = 400, message = "" }
      end)
    end)
    serving.ask("POST /", nil, "")
    local told = table.concat(message, "\n")
    for _, part in ipairs { "(req:form)", "did you mean 'max_fields'?",
      "a whole number of at least 1", "req:form_all: expected a name, got nil" } do
      assert.truthy(told:find(part, 1, true), told)
    end
  end)
end)

serving.each("req.host and req.scheme", function(transport)
  after_each(serving.stop)

  it("say whom the client asks, and how", function()
    serving.start(function(server)
      server:get("/", function(req, res)
        res:json { host = req.host or "none", scheme = req.scheme, secure = req.secure }
      end)
    end)
    local got = sse.json.decode(serving.ask("GET /").body)
    assert.same({ host = serving.url(""):match "//(.*)$", scheme = transport.scheme,
      secure = transport.secure }, got)
    if not transport.raw then return end
    for text, host in pairs {
      ["GET / HTTP/1.1\r\nHost: Example.COM:8080\r\n"] = "example.com:8080",
      ["GET / HTTP/1.1\r\nHost: [::1]:80\r\n"] = "[::1]:80",
      ["GET http://A.example/?x HTTP/1.1\r\nHost: a.EXAMPLE\r\n"] = "a.example",
      ["GET http://A.example?x HTTP/1.0\r\n"] = "a.example",
      ["GET / HTTP/1.0\r\n"] = "none",
    } do
      local response = serving.request(text .. "Connection: close\r\n\r\n")
      assert.equal(host, sse.json.decode(response.body).host)
    end
  end)

  it("is never a host that is malformed, or two", function()
    if not transport.raw then return end
    serving.start(function(server)
      server:get("/", function(req, res) res:reply(200, req.host) end)
    end)
    for _, host in ipairs { "", "a/b", "a b", "a@b", "a:b", "a:1:2", "[::1", "::1", "a?b", "a#b",
      "a\\b", "a\"b", "<b>", "a:65536", "[::1]x", "é" } do
      local text = ("GET / HTTP/1.1\r\nHost: %s\r\n\r\n"):format(host)
      assert.equal(400, serving.request(text).status, host)
    end
    local two = "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"
    assert.equal(400, serving.request(two).status)
    assert.equal(400, serving.request("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n").status)
  end)
end)
