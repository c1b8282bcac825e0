-- Every option of every public function, with values of every type: the call must succeed, return
-- nil, message, code, or raise an error that blames the line of the call.
local interface = require "spec.support.interface"
local objects = require "spec.support.objects"
local options = require "sse.shared.options"
local sse = require "sse"

local make = objects.make
local new_channel, NOWHERE = objects.channel, objects.NOWHERE
local start, stop, finish = objects.start, objects.stop, objects.finish
local function noop() end

-- By the name of the function in options.specs, how it is called with a table of options; or with
-- the names of what it takes, for those that the core checks.
local option_cases = {
  { "sse.EventSource", function(given) return sse.EventSource, NOWHERE, given end },
  { "EventSource.fromReader", function(given) return sse.EventSource.fromReader, noop, given end },
  { "addEventListener", function(given)
    local signal = make.abort_signal()
    return signal.addEventListener, signal, "x", noop, given
  end },
  { "sse.fetch", function(given) return sse.fetch, NOWHERE, given end },
  { "sse.fetch: tls", function(given) return sse.fetch, NOWHERE, { tls = given } end,
    { "ca", "cert", "key", "verify" } },
  { "Response:events", function(given)
    local response = make.response()
    return response.events, response, given
  end },
  { "sse.fetchEventSource", function(given) return sse.fetchEventSource, NOWHERE, given end },
  { "sse.server", function(given) return sse.server, given end },
  { "sse.server: tls", function(given) return sse.server, { tls = given } end },
  { "sse.server: tls.names", function(given)
    return sse.server, { tls = { cert = "x", names = { ["a.example"] = given } } }
  end },
  { "sse.server: access_log", function(given) return sse.server, { access_log = given } end },
  { "sse.server: cors", function(given) return sse.server, { cors = given } end },
  -- The server that listens keeps them from forking this process.
  { "sse.workers", function(given) return sse.workers, given end },
  { "sse.workers: listen", function(given)
    return sse.workers, { run = "nowhere.lua", listen = given }
  end },
  { "server:listen", function(given)
    local server = make.server()
    return server.listen, server, given
  end },
  { "server:run", function(given) -- it can't listen, so it returns
    local server = sse.server { host = "192.0.2.1" }
    return server.run, server, given
  end },
  { "server:shutdown", function(given)
    local server = sse.server {}
    return server.shutdown, server, given
  end },
  { "server:metrics", function(given)
    local server = sse.server {}
    return server.metrics, server, given
  end },
  { "server:limit", function(given)
    local server = sse.server {}
    return server.limit, server, given
  end },
  { "server:static", function(given)
    local server = sse.server {}
    return server.static, server, "/x", "spec", given
  end },
  { "sse.file", function(given) return sse.file, "README.md", given end },
  { "res:event_stream", function(given)
    local res = make.res()
    return res.event_stream, res, given
  end },
  { "res:cookie", function(given)
    local res = make.res()
    return res.cookie, res, "a", "b", given
  end },
  { "req:form", function(given)
    local req = make.req()
    return req.form, req, given
  end },
  { "sse.follow", function(given) return sse.follow, new_channel(), given end },
  { "stream:follow", function(given)
    local stream = make.stream()
    return stream.follow, stream, new_channel(), given
  end },
  { "sse.channel", function(given) return sse.channel, objects.channel_name(), given end },
  { "channel:events", function(given)
    local channel = new_channel()
    return channel.events, channel, given
  end },
  { "channel:publish", function(given)
    local channel = new_channel()
    return channel.publish, channel, given
  end, { "data", "event", "id", "retry", "comment", "key", "dedupe" } },
  { "sse.parser", function(given) return sse.parser, given end },
  { "sse.decode", function(given) return sse.decode, "data: x\n\n", given end },
  { "sse.json.decode", function(given) return sse.json.decode, "{}", given end },
  { "sse.json.encode", function(given) return sse.json.encode, {}, given end },
  { "sse.jwt.sign", function(given) return sse.jwt.sign, {}, given end },
  { "sse.jwt.verify", function(given) return sse.jwt.verify, "", given end },
  { "sse.crypto.sign", function(given) return sse.crypto.sign, "x", ("x"):rep(32), given end },
  { "sse.crypto.unsign", function(given) return sse.crypto.unsign, "x", ("x"):rep(32), given end },
  { "sse.encode", function(given) return sse.encode, given end,
    { "data", "event", "id", "retry", "comment" } },
}

-- The names of a function's options, sorted.
local function names_of(where)
  local names = {}
  for name in pairs(options.specs[where]) do names[#names + 1] = name end
  table.sort(names)
  return names
end

describe("misuse of every option", function()
  after_each(stop)

  it("goes through every function that has options", function()
    local cases, missing = {}, {}
    for _, case in ipairs(option_cases) do cases[case[1]] = true end
    for where in pairs(options.specs) do
      if not cases[where] then missing[#missing + 1] = where end
    end
    assert.same({}, missing)
  end)

  for _, case in ipairs(option_cases) do
    it("of " .. case[1], function()
      start()
      local list, report = objects.values(), interface.report()
      for _, name in ipairs(case[3] or names_of(case[1])) do
        for _, value in ipairs(list) do
          local given = { [name] = interface.real(value[2]) }
          if interface.is_due() then
            report.check(("%s { %s = %s }"):format(case[1], name, value[1]), case[2](given))
          end
        end
      end
      finish()
      report.clean()
    end)
  end
end)
