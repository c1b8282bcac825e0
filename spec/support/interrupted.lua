--- Programs that Ctrl-C ends, on pseudo-terminals: for the specs of interrupts.
local assert = require "luassert"
local terminal = require "spec.support.terminal"

local interrupted = {}

--- What each program begins with.
interrupted.HEAD = 'io.stdout:setvbuf "line"\nlocal sse = require "sse"\n'

--- Waits for the end that Ctrl-C makes: Lua's own words, and no others before them. Returns what
-- the program has printed before the words, and the rest.
function interrupted.check(program)
  local status, shown = program:wait()
  assert.equal(1, status, shown)
  local at = shown:find("interrupted!\nstack traceback:\n", 1, true)
  assert.truthy(at, shown)
  local before, after = shown:sub(1, at - 1), shown:sub(at)
  assert.truthy(before:match "[^\n]*$":find "lua[^:]*: ", shown)
  assert.falsy(before:find "stack traceback", shown)
  assert.falsy(shown:find "out of memory", shown)
  return before, after
end

--- Starts a program, waits until it prints "ready", and presses Ctrl-C.
function interrupted.press(text, ...)
  local program = terminal.script(interrupted.HEAD .. text, ...)
  program:till "ready"
  program:interrupt()
  return program
end

return interrupted
