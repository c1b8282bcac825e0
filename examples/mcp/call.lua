--- A call of a tool, whatever the revision: a task that runs the tool's function, which can be
-- cancelled. A reply takes what the call says: `open()` begins a stream, `send(text)` sends a
-- notification, `finish(text)` the response, or nothing after a call that was cancelled.
local plain = require "examples.models.plain"
local rpc = require "examples.mcp.rpc"
local schema = require "examples.mcp.schema"
local sse = require "sse"

local call = {
  patience = 50, -- ms until the response becomes a stream, if the tool has reported no progress
  limit = 100, -- calls that may run at a time
  max_result = 512 * 1024, -- bytes of a response
}
local running = 0

local Call = {}
Call.__index = Call

local function text_content(text) return { { type = "text", text = text } } end

-- The result of a tool that returned the value: a text, a table as structured content, or a table
-- with `content`, which is the protocol's own form.
local function result_of(value)
  if type(value) ~= "table" then return { content = text_content(tostring(value or "")) } end
  if value.content then return value end
  return { structuredContent = value, content = text_content(sse.json.encode(value)) }
end

local function failure(problem)
  return { content = text_content(tostring(problem)), isError = true }
end

-- The whole response as text. Encoding is part of what may fail, since a tool may return anything.
local function answer(self, tool, arguments)
  local fault = schema.fault(tool.inputSchema, arguments)
  local result = fault and failure(fault)
  if not result then
    local value, problem = tool.run(arguments, self)
    result = value == nil and problem and failure(problem) or result_of(value)
  end
  local text = rpc.result(self.id, self.complete(result))
  if #text <= call.max_result then return text end
  return rpc.result(self.id, self.complete(failure "the result is too large"))
end

-- The end of a call in any way: true the first time.
local function end_call(self)
  if self.over then return false end
  self.over = true
  self.opener:stop()
  running = running - 1
  return true
end

-- An error for the log: it may repeat what a client has sent, so its further lines begin with a
-- tab, as those of the traceback do, and can't be taken for lines of their own.
local function indented(text) return (plain(tostring(text)):gsub("\n\t?", "\n\t")) end

local function run(self, tool, arguments)
  local ok, text = xpcall(answer, debug.traceback, self, tool, arguments)
  if not end_call(self) then return end
  self.on_end()
  if not ok then
    self.log("%s failed: %s", self.name, indented(text)) -- the client is not told where
    text = rpc.result(self.id, self.complete(failure "the tool failed"))
  end
  self.reply:finish(text)
  self.log("%s done", self.name)
end

--- Starts the tool. `options`: `tool`, `message` (the request), `reply`, `log(format, ...)`,
-- `complete(result)`, which makes a result one of the revision, and `on_end()`.
function call.start(options)
  local message, tool = options.message, options.tool
  if running >= call.limit then
    rpc.refuse(429, message.id, rpc.INTERNAL_ERROR, "too many calls are running", nil,
      { ["Retry-After"] = "1" })
  end
  local token = message.meta.progressToken
  local self = setmetatable({
    id = message.id, token = rpc.is_id(token) and token or nil, reply = options.reply,
    log = options.log, complete = options.complete, on_end = options.on_end,
    name = ("call %s (id %s)"):format(tool.name, rpc.printable(message.id)), done = -math.huge,
  }, Call)
  running = running + 1
  self.log("%s begins", self.name)
  self.opener = sse.after(call.patience, function() self.reply:open() end)
  self.task = sse.spawn(run, self, tool, message.params.arguments or {})
  return self
end

--- For the tool: tells the client how far it is, if the client wants to know. `done` must grow.
function Call:progress(done, total, message)
  if done <= self.done then error("progress must grow", 2) end
  self.done = done
  if not self.token or self.over then return end
  self.reply:send(rpc.notification("notifications/progress", {
    progressToken = self.token, progress = done, total = total, message = message,
  }))
end

--- Ends the tool where it waits. Nothing more is sent.
function Call:cancel(why)
  if not end_call(self) then return end
  self.log("%s cancelled: %s", self.name, why)
  self.on_end()
  self.task:cancel()
  self.reply:finish()
end

return call
