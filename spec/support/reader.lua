--- Reads a response's body as it comes, and waits for text in it.
local task = require "sse.task"
local wait = require "spec.support.wait"

local reader = {}
reader.__index = reader

--- Begins to read a response.
-- @return the reader: `status`, `headers`, `ended` (true after a clean end, or the failure)
function reader.open(res)
  local self = setmetatable({
    res = res, status = res.status, headers = res.headers, pieces = {},
  }, reader)
  task.spawn(function()
    for piece in res:chunks() do
      self.pieces[#self.pieces + 1] = piece
      while self.paused do task.sleep(1) end
    end
    self.ended = res.failure or true
  end)
  return self
end

--- What has come and was not returned before.
function reader:text()
  local text = table.concat(self.pieces)
  self.pieces = { text }
  return text
end

--- Pumps the loop until the pattern is found; removes and returns the text up to its end.
function reader:till(pattern)
  local stop
  wait.till(function()
    stop = select(2, self:text():find(pattern))
    return stop or self.ended
  end, ("'%s'"):format(pattern))
  local text = self:text()
  if not stop then error(("ended before '%s': %q"):format(pattern, text:sub(1, 500)), 2) end
  self.pieces = { text:sub(stop + 1) }
  return text:sub(1, stop)
end

--- Pumps the loop until the body has ended; returns the rest, and the failure if it did not end
-- cleanly.
function reader:rest()
  wait.till(function() return self.ended end, "the body's end")
  local got = self:text()
  self.pieces = {}
  return got, self.ended ~= true and self.ended or nil
end

--- Pauses reading, and goes on.
function reader:pause() self.paused = true end
function reader:resume() self.paused = false end

--- Closes the response's connection.
function reader:close()
  self.paused = false
  self.res:close()
end

return reader
