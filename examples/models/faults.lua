-- How real services fail, for examples/chat_server.lua: the names of models that do.
local faults = {}

local PAGE = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>nginx</body>\n</html>\n"

-- Before the answer: a status, what it says, and further headers.
faults.refusing = {
  limited = { 429, "you are too fast", { ["Retry-After"] = "1" } },
  exhausted = { 429, "your quota is used up", { ["Retry-After"] = "3600" } },
  overloaded = { 529, "come back later" },
  broken = { 500, "the model is out of order" },
  gateway = { 502, PAGE, { ["Content-Type"] = "text/html" } },
}

-- Within the answer: after three words, or before the first one if the name ends with "0". Returns
-- true where the answer goes on.
faults.failing = {
  odd = function(res, format) return res:write(format.odd) end,   -- no fault
  pings = function(res, format) return res:write(format.ping) end, -- no fault
  upset = function(res, format) res:finish(format.failure "I lost my thread") end,
  long = function(res, format) res:finish(format.long) end, -- as max_tokens asks for
  cut = function(res) res:finish() end,
  half = function(res, format) res:finish(format.text("half"):sub(1, -9)) end,
  lost = function(res)
    res:drain() -- what was written goes out
    error { message = "this connection is lost on purpose" }
  end,
  silent = function(res) res:detach() end, -- the response stays open
}

local counts = {} -- how often a model has failed in a row, by API and model

--- The fault of a model by its name: "limited" fails always, "limited:1" once, and answers then.
-- @tparam string path the API's
-- @tparam string model
-- @treturn table|nil of `refusing`
-- @treturn function|nil of `failing`
-- @treturn int after how many words that function is called: 3, or 0 for "upset0"
function faults.of(path, model)
  local name, early, times = tostring(model):match "^(%a+)(0?):?(%d?%d?)$"
  if not (faults.refusing[name] or faults.failing[name]) then return nil end
  local key = path .. " " .. model
  counts[key] = (counts[key] or 0) + 1
  if counts[key] > (tonumber(times) or math.huge) then
    counts[key] = nil
    return nil
  end
  return faults.refusing[name], faults.failing[name], early == "0" and 0 or 3
end

return faults
