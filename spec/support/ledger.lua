--- What machines have been acknowledged beside what their clients have seen.
local ledger = {}

-- Counts the events that some reader who stays has not got, each of which the store must have lost.
local function count_missed(steady, epoch, position)
  for _, reader in ipairs(steady) do
    local stop = reader.epoch == epoch and reader.position or reader.ends[epoch] or 0
    if stop < position then return 1 end
  end
  return 0
end

--- Compares what was acknowledged with what was seen.
-- @param seen the room of spec.support.readers
-- @tparam table steady the readers that have stayed
-- @tparam {{...},...} acknowledged of each machine, the ids by number
-- @treturn int how many were acknowledged
-- @treturn int how many of them a reader who stayed has not got
function ledger.compare(seen, steady, acknowledged)
  local total, missed = 0, 0
  for machine, ids in ipairs(acknowledged) do
    for number, id in pairs(ids) do
      local epoch, position = id:match "(%w+)-(%d+)"
      local data = seen.by_id[id]
      total = total + 1
      missed = missed + count_missed(steady, epoch, math.tointeger(tonumber(position)))
      if data and data:match "^%S+" ~= ("%d.%s"):format(machine, number) then
        seen:fault("%d.%s was acknowledged as %s, where '%s' was", machine, number, id, data)
      elseif not data and epoch == seen.epoch then
        seen:fault("%d.%s, acknowledged as %s, was not seen", machine, number, id)
      end
    end
  end
  if missed > 0 and not seen.may_lose then seen:fault("%d acknowledged were missed", missed) end
  return total, missed
end

--- Finds events that are there twice, which none may be. One that the store has lost before it
-- could be acknowledged may have been added to the next log again. Returns how many of these there
-- are.
function ledger.find_repeated(seen, acknowledged)
  local ids, repeated = {}, 0
  for id, data in pairs(seen.by_id) do
    local machine, number = data:match "^(%d+)%.(%d+)"
    local other = ids[data]
    ids[data] = id
    if other then
      local told, epoch = acknowledged[tonumber(machine)][number], id:match "%w+"
      local is_fine = seen.may_lose and epoch ~= other:match "%w+"
        and (not told or told == id or told == other)
      repeated = repeated + 1
      if not is_fine then seen:fault("%s came as %s and as %s", data, other, id) end
    end
  end
  return repeated
end

return ledger
