--- The attacks of build/attack, and which of them to run.
local attacks = {}

local function known(build)
  local pipe <close> = assert(io.popen(build .. "/attack list"))
  local list = {}
  for line in pipe:lines() do
    local name, peers, rate, seconds, about = line:match("^(%S+) (%d+) (%d+) (%d+) (.*)$")
    local attack = {
      name = name, peers = tonumber(peers), rate = tonumber(rate), seconds = tonumber(seconds),
      about = about,
    }
    list[#list + 1], list[name] = attack, attack
  end
  return list
end

local function one(list, text)
  local name, sizes = text:match("^([^:]+):?(.*)$")
  local attack = list[name]
  if not attack then
    local names = {}
    for i, each in ipairs(list) do names[i] = each.name end
    return nil, ("ATTACKS: unknown '%s', expected some of %s"):format(name,
                                                                      table.concat(names, " "))
  end
  if sizes ~= "" then
    local peers, rate = sizes:match("^(%d+)x(%d+)$")
    if not peers then return nil, ("ATTACKS: expected NAME:PEERSxRATE, got '%s'"):format(text) end
    attack.peers, attack.rate = tonumber(peers), tonumber(rate)
  end
  return attack
end

--- Reads names with commas, each NAME or NAME:PEERSxRATE; nil or "": all. Returns a list of
-- attacks, or nil and a message for an unknown name.
function attacks.chosen(build, text)
  local list = known(build)
  if not text or text == "" then return list end
  local wanted = {}
  for each in text:gmatch("[^,%s]+") do
    local attack, message = one(list, each)
    if not attack then return nil, message end
    wanted[#wanted + 1] = attack
  end
  return wanted
end

return attacks
