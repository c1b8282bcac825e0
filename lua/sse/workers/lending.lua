--- Who accepts from the sockets of a worker whose place is empty: another worker borrows them until
-- a new one is ready, so that nobody waits in them.
-- @module sse.workers.lending
local lending = {}

local function can_borrow(process) return process and process.state == "ready" end

--- Lends the sockets of a slot that has no worker, if any other has one that is ready.
-- @tparam table master of sse.workers.master
-- @tparam table slot
function lending.lend(master, slot)
  if slot.borrower or master.stopping then return end
  for i = 1, master.count - 1 do
    local other = master.slots[(slot.id + i - 1) % master.count + 1].process
    if can_borrow(other) then
      slot.borrower = other
      return other:borrow(slot.id, true)
    end
  end
end

--- Another worker is ready: slots for which there was none get it.
-- @tparam table master
function lending.lend_all(master)
  for _, slot in ipairs(master.slots) do
    if not can_borrow(slot.process) then lending.lend(master, slot) end
  end
end

--- A slot has a worker that is ready: it has its sockets for itself again.
-- @tparam table slot
function lending.give_back(slot)
  if can_borrow(slot.borrower) then slot.borrower:borrow(slot.id, false) end
  slot.borrower = nil
end

--- A process ends, or has ended: others borrow what it had borrowed.
-- @tparam table master
-- @tparam table process
function lending.forget(master, process)
  for _, slot in ipairs(master.slots) do
    if slot.borrower == process then
      slot.borrower = nil
      if not can_borrow(slot.process) then lending.lend(master, slot) end
    end
  end
end

return lending
