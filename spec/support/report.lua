--- busted's output: for each file its count and time, failures in full, and a last line of totals.
local seconds = require("system").gettime

local WIDTH = 46

local function describe_failure(kind, failure)
  local trace = failure.element.trace or {}
  local message = failure.message
  if message == nil then
    message = "nil"
  elseif type(message) ~= "string" then
    message = require("pl.pretty").write(message)
  end
  io.write(("\n%s: %s\n  at %s:%s\n  %s\n"):format(kind, failure.name, trace.short_src or "?",
    trace.currentline or "?", (message:gsub("\n", "\n  "))))
  local traceback = kind == "ERROR" and (failure.trace or {}).traceback
  if type(traceback) == "string" then io.write("  ", (traceback:gsub("\n", "\n  ")), "\n") end
end

local function describe_pending(pending)
  local why = pending.message and ": " .. tostring(pending.message) or ""
  io.write(("\npending: %s%s\n"):format(pending.name, why))
end

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local file = {}

  function handler.file_start(element)
    file = { name = element.name, tests = 0, bad = 0, began = seconds() }
    io.write(("  %-" .. WIDTH .. "s"):format(element.name))
    io.flush()
    return nil, true
  end

  function handler.file_end()
    io.write(("%5d tests %8.2f s%s\n"):format(file.tests, seconds() - file.began,
      file.bad > 0 and ("   %d FAILED"):format(file.bad) or ""))
    io.flush()
    return nil, true
  end

  function handler.test_end(element, _, status)
    file.tests = (file.tests or 0) + 1
    if status == "failure" or status == "error" then
      file.bad = file.bad + 1
    end
    if options.verbose then
      io.write(("\n    %-8s %s"):format(status, handler.getFullName(element)))
    end
    return nil, true
  end

  function handler.suite_end()
    for _, pending in ipairs(handler.pendings) do describe_pending(pending) end
    for _, failure in ipairs(handler.failures) do describe_failure("FAILURE", failure) end
    for _, failure in ipairs(handler.errors) do describe_failure("ERROR", failure) end
    io.write(("\n%d successes / %d failures / %d errors / %d pending : %.1f seconds\n"):format(
      handler.successesCount, handler.failuresCount, handler.errorsCount, handler.pendingsCount,
      handler.getDuration()))
    io.flush()
    return nil, true
  end

  busted.subscribe({ "file", "start" }, handler.file_start)
  busted.subscribe({ "file", "end" }, handler.file_end)
  busted.subscribe({ "test", "end" }, handler.test_end, { predicate = handler.cancelOnPending })
  busted.subscribe({ "suite", "end" }, handler.suite_end)
  return handler
end
