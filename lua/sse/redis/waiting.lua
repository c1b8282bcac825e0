--- What waits for a store's server: appends without a result, which the module counts
-- (csrc/redis/queue.h), reads, and what is said before the store closes.
-- @module sse.redis.waiting
local waiting = {}

--- Says whether something waits that keeps the loop running.
function waiting.update_keep(self)
  local waits = not self:is_done() or self.reading > 0 and not self.pair.failure
  self.pair:keep(waits)
end

--- How many appends have no result.
function waiting.waits(self) return self.tally:waiting() end

--- How many appends were not taken since the last call.
function waiting.take_refused(self) return self.tally:take_refused() end

--- Appends have got their results, or there are more of them.
function waiting.note_waiting(self)
  waiting.update_keep(self)
  if self.router then return self.router:on_count() end
  if self.closing and self:is_done() then self:finish() end
end

--- Counts what is said before the store closes, and has no reply.
function waiting.count_leaving(self, count)
  self.leaving = self.leaving + count
  self:note_waiting()
end

--- Whether nothing is left that a store that closes waits for.
function waiting.is_done(self) return self:waits() == 0 and self.leaving == 0 end

--- Counts reads without a result.
function waiting.count_reads(self, count)
  self.reading = self.reading + count
  waiting.update_keep(self)
end

--- Says whether appends may wait now.
function waiting.update_tally(self)
  local failure, queue = self.pair.failure, self.target.queue
  if self.is_shut then
    self.tally:refuse("the store is closed", "ECLOSED")
  elseif failure and not queue then
    self.tally:refuse("redis: " .. failure, "ESTORE")
  else
    self.tally:allow(self.pair.state ~= "up" and queue or nil)
  end
end

--- No more appends are taken.
function waiting.shut(self)
  self.is_shut = true
  waiting.update_tally(self)
end

return waiting
