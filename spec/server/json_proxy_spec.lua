-- A proxy that reads the JSON of a request, changes it and sends it on: what it did not touch
-- arrives as it came.
local fetch = require "sse.fetch"
local json = require "sse.json"
local serving = require "spec.support.serving"

local BODY = [==[{"messages":[],"tools":{},"max_tokens":9007199254740993,"temperature":0.1,]==]
  .. [==["seed":-9223372036854775808,"stop":["\n","\u2028"],"nested":[[],{},[{}],{"a":[[]]}],]==]
  .. [==["user":"\u00e9\ud83d\ude00/","top_p":1.0,]==]
  .. [==["metadata":{"1":"one","deep":{"list":[1,2.5,null,true]}}}]==]

local function post(path, body)
  local o = serving.transport.client()
  o.method, o.body = "POST", body
  return assert(fetch(serving.url(path), o))
end

-- Starts a server whose /upstream keeps what it gets in the list, and whose /proxy changes and
-- passes on what it gets.
local function start(received)
  serving.start(function(server)
    server:post("/upstream", function(req, res)
      received[#received + 1] = req.body
      res:json({ id = req:json("seed"), echo = req:json("nested", 4, "a") })
    end)
    server:post("/proxy", function(req, res)
      local body, problem = req:json()
      if not body then return res:reply(400, problem) end
      body.stream, body.stop[1], body.stop[2] = true, nil, nil
      res:json { seed = assert(post("/upstream", body):json("id")) }
    end)
  end)
end

serving.each("a proxy of JSON", function()
  after_each(serving.stop)

  it("changes what it means to change, and nothing else", function()
    local received = {}
    start(received)
    assert.equal(math.mininteger, post("/proxy", BODY):json("seed"))
    local expected = json.decode(BODY)
    expected.stream, expected.stop = true, {}
    assert.same(expected, json.decode(received[1]))
    for _, part in ipairs {
      '"messages":[]', '"stop":[]', '"tools":{}', '"max_tokens":9007199254740993',
      '"temperature":0.1', '"seed":-9223372036854775808', '"nested":[[],{},[{}],{"a":[[]]}]',
      '"list":[1,2.5,null,true]',
    } do
      assert.truthy(received[1]:find(part, 1, true), part)
    end
  end)

  it("tells its client where a body is no JSON", function()
    local received = {}
    start(received)
    local res = post("/proxy", '{"a":1,\n"b":}')
    assert.equal(400, res.status)
    assert.equal("JSON: expected a value, got '}' (line 2, column 5, byte 13)", res:text())
    assert.same({}, received)
  end)
end)
