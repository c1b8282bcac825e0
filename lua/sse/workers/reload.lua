--- The replacement of all workers, one after the other, by ones with a program that was loaded
-- anew.
-- @module sse.workers.reload
local core = require "sse.core"
local notices = require "sse.workers.notices"

local reload = {}

local Reload = {}
Reload.__index = Reload

-- Ends: the next one may begin.
local function finish(self)
  local master = self.master
  master.reload = nil
  notices.ready()
  if master.wants_reload then reload.begin(master) end
end

--- Goes on with the next slot: its new process is to be ready before the old one ends.
function Reload:next()
  local master = self.master
  if self.slot then master.program = self.program end -- a worker of it is ready
  self.slot = master.slots[(self.slot and self.slot.id or 0) + 1]
  if not self.slot then
    master:log("info", "all workers were replaced")
    return finish(self)
  end
  local slot = self.slot
  slot.start_at = nil
  local started = master:start(slot, self.program)
  if started then slot.successor = started end -- else another replacement may be under way
end

--- Whether a process that failed to start is that of the replacement.
-- @tparam table slot
-- @tparam table|nil failed nil: the process could not be made
-- @treturn boolean
function Reload:concerns(slot, failed)
  return self.slot == slot and slot.successor == failed
end

--- The new process failed: the others stay as they are.
-- @tparam string what
function Reload:failed(what)
  self.slot.successor = nil
  self.master:log("error", what .. "; the others stay", { worker = self.slot.id })
  finish(self)
end

--- Begins, or notes that this is to be done after the present one.
-- @tparam table master of sse.workers.master
function reload.begin(master)
  if master.stopping then return end
  if master.reload or not master.started then
    master.wants_reload = true
    return
  end
  master.wants_reload = false
  notices.reloading(core.now())
  local program, message = master.load_program()
  if not program then
    notices.ready() -- or systemd would wait for the end of what it has asked for
    master:log("error", ("the new program can't be loaded: %s; the workers stay"):format(message))
    return
  end
  master.reload = setmetatable({ master = master, program = program }, Reload)
  master.reload:next()
end

return reload
