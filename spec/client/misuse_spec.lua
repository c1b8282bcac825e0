-- Misuse of the client raises an error that names the caller's line.
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"

local NOWHERE = "http://127.0.0.1:1/"

local blames = misuse.blames

describe("misuse of the client", function()
  after_each(serving.stop)

  it("of its tls names the key", function()
    for message, given in pairs {
      ["unknown option 'tls.cafile' (did you mean 'ca'?)"] = { cafile = "a.pem" },
      ["unknown option 'tls.verfy' (did you mean 'verify'?)"] = { verfy = false },
      ["unknown option 'tls.1'"] = { "a.pem" },
      ["option 'tls.verify' must be boolean, got string \"no\""] = { verify = "no" },
      ["option 'tls.ca' must be a string without NUL, got boolean true"] = { ca = true },
      ["option 'tls' must be a table with ca, cert, key (strings) and verify (boolean), "
        .. "got boolean false"] = false,
    } do
      for _, name in ipairs { "EventSource", "fetch", "fetchEventSource" } do
        blames(("sse.%s: %s"):format(name, message), function()
          local _ = sse[name](NOWHERE, { tls = given })
        end)
      end
    end
  end)

  it("of a server's tls says what is in it", function()
    blames("sse.server: option 'tls' must be a table such as { cert = 'cert.pem', "
      .. "key = 'key.pem' }, got boolean true", function() sse.server { tls = true } end)
  end)

  it("of '.' for ':' is told", function()
    local controller = sse.AbortController()
    blames("call it with ':' (controller:abort)", function() controller.abort("x") end)
    assert.is_false(controller.signal.aborted)
  end)

  it("of a listener's options names them", function()
    local target = sse.AbortController().signal
    blames("addEventListener: unknown option 'onec' (did you mean 'once'?)",
      function() target:addEventListener("x", print, { onec = true }) end)
    blames("addEventListener: option 'once' must be boolean, got string \"yes\"",
      function() target:addEventListener("x", print, { once = "yes" }) end)
    blames("addEventListener: option 'signal' must be an AbortSignal, got table",
      function() target:addEventListener("x", print, { signal = {} }) end)
    blames("addEventListener: expected a table of options, got string \"once\"",
      function() target:addEventListener("x", print, "once") end)
    for _, fine in ipairs { true, false, {}, { capture = true, passive = false, once = true } } do
      target:addEventListener("x", print, fine)
    end
  end)

  it("of headers as a list says how they are given", function()
    blames("headers: expected a table such as { Name = \"value\" }, got a list", function()
      local _ = sse.fetch(NOWHERE, { headers = { "Authorization: x" } })
    end)
  end)

  it("names what a name is the beginning of", function()
    blames("unknown option 'hist' (did you mean 'history'?)",
      function() sse.channel("misused", { hist = 5 }) end)
  end)
end)
