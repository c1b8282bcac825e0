--- An example, served in this process, and what its server and clients print.
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

local examples = {}

local restore = {}

-- Sets a field of the example until the end of the test.
local function set(example, name, value)
  local before = example[name]
  restore[#restore + 1] = function() example[name] = before end
  example[name] = value
end

--- An example whose server does not run, and the list of lines that it prints. The list has
-- `till(line)`: pumps the loop until there is a line with this text after the one that was found
-- last, and returns it.
-- @tparam string name
-- @tparam[opt] table fields set on the example for this test
function examples.take(name, fields)
  local example, log = require("examples." .. name), {}
  local seen = 0
  set(example, "log", function(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    log[#log + 1] = table.concat(words, " ")
  end)
  for field, value in pairs(fields or {}) do set(example, field, value) end
  function log.till(text)
    return wait.till(function()
      while seen < #log do
        seen = seen + 1
        if log[seen]:find(text, 1, true) then return log[seen] end
      end
    end, ("'%s' in: %s"):format(text, table.concat(log, "; ")))
  end
  function log.has(text)
    return table.concat(log, "\n"):find(text, 1, true) ~= nil
  end
  return example, log
end

--- Serves an example; returns the example, its URL, the list of lines it prints, and the server.
-- @tparam string name
-- @tparam[opt] table fields set on the example for this test
function examples.serve(name, fields)
  local example, log = examples.take(name, fields)
  local options = { cors = example.cors, tls = example.tls and example.tls() }
  local server = serving.start(options, function(s) example.mount(s, "") end)
  local scheme = options.tls and "https" or "http"
  return example, ("%s://127.0.0.1:%d%s"):format(scheme, server.port, example.path), log, server
end

--- Forgets the errors of handlers whose message has this text.
function examples.pass_over(text)
  for i = #serving.errors, 1, -1 do
    local what = serving.errors[i].message
    what = type(what) == "table" and what.message or what
    if tostring(what):find(text, 1, true) then table.remove(serving.errors, i) end
  end
end

--- For after_each: ends the server and resets the fields.
function examples.stop()
  serving.stop()
  wait.idle()
  for i = #restore, 1, -1 do restore[i]() end
  restore = {}
  assert(#serving.errors == 0, serving.errors[1] and serving.errors[1].message)
end

return examples
