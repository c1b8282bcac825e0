--- A strict parser of Prometheus' text format, version 0.0.4, with the rules of `promtool check
-- metrics` about names. Raises an error, with the line, for what is wrong.
local exposition = {}

local KINDS = { counter = true, gauge = true, histogram = true }
local NAME = "^[a-zA-Z_:][a-zA-Z0-9_:]*"

local function number(text)
  if text == "+Inf" then return math.huge end
  return text:find "^%-?%d[%d.e+-]*$" and tonumber(text)
end

-- Parses labels from the "{" on: returns a table, a key that is unique for these labels, and where
-- they end.
local function labels_of(text, at, fail)
  local labels, list = {}, {}
  if text:sub(at, at) ~= "{" then return labels, "", at end
  at = at + 1
  while text:sub(at, at) ~= "}" do
    local name, after = text:match('^([a-zA-Z_][a-zA-Z0-9_]*)="()', at)
    if not name then fail "a label" end
    local value, stop = {}, after
    while text:sub(stop, stop) ~= '"' do
      local plain, escape = text:match('^([^"\\\n])', stop), text:match('^\\([\\"n])', stop)
      if not plain and not escape then fail "a label's value" end
      value[#value + 1] = plain or escape == "n" and "\n" or escape
      stop = stop + (plain and 1 or 2)
    end
    if labels[name] then fail("label " .. name .. " twice") end
    labels[name] = table.concat(value)
    if not utf8.len(labels[name]) then fail "no UTF-8" end
    list[#list + 1] = name .. "=" .. labels[name]
    at = stop + 1
    if text:sub(at, at) == "," then at = at + 1 elseif text:sub(at, at) ~= "}" then fail "'}'" end
  end
  table.sort(list)
  return labels, table.concat(list, ","), at + 1
end

local function check_name(family, fail)
  local name, kind = family.name, family.kind
  if (kind == "counter") ~= (name:find "_total$" ~= nil) then fail "_total is for counters" end
  if name:find "_m?i?l?l?i?s?ms$" or name:find "millisec" or name:find "_kb" then
    fail "a base unit"
  end
  if name:find "counter" or name:find "gauge" or name:find "histogram" then fail "its type" end
end

-- The family of a sample, by its name: a histogram's samples have suffixes.
local function belongs(family, name)
  if not family then return false end
  if family.kind ~= "histogram" then return family.name == name end
  local suffix = name:sub(#family.name + 1)
  return name:sub(1, #family.name) == family.name
    and (suffix == "_bucket" or suffix == "_sum" or suffix == "_count")
end

local function check_histogram(family)
  local rows = {}
  local function fail(what) error(family.name .. ": " .. what, 0) end
  for _, sample in ipairs(family.samples) do
    local source = ("%s of %s"):format(sample.labels.channel, sample.labels.worker)
    local row = rows[source] or { le = -math.huge, count = 0 }
    rows[source] = row
    if sample.name:find "_sum$" then row.sum = sample.value end
    if sample.name:find "_count$" then row.total = sample.value end
    if sample.name:find "_bucket$" then
      local le = number(sample.labels.le or "")
      if not le or le <= row.le then fail "le must rise" end
      if sample.value < row.count then fail "buckets must not fall" end
      row.le, row.count = le, sample.value
    end
  end
  for _, row in pairs(rows) do
    if row.le ~= math.huge then fail "no +Inf" end
    if row.total ~= row.count then fail "_count is not the last bucket" end
    if not row.sum or row.sum < 0 then fail "no _sum" end
  end
end

--- Parses a whole text.
-- @return sample name with its labels in order ("name{a=1,b=2}") -> value, and the families by
-- name
function exposition.read(text)
  local samples, families, family, helped = {}, {}, nil, nil
  if text:sub(-1) ~= "\n" then error("no line end at the end", 0) end
  for line in text:gmatch "([^\n]*)\n" do
    local function fail(what) error(("%s: %s"):format(what, line), 0) end
    local kind, name, rest = line:match "^# (%u+) (%S+) (.+)$"
    if kind == "HELP" then
      if families[name] or not name:find(NAME .. "$") then fail "a family once" end
      helped = name
    elseif kind == "TYPE" then
      if helped ~= name or not KINDS[rest] then fail "HELP, then TYPE" end
      family = { name = name, kind = rest, samples = {} }
      families[name] = family
      check_name(family, fail)
    else
      local sampled = line:match(NAME) or fail "a sample"
      if not belongs(family, sampled) then fail "of another family" end
      local labels, key, at = labels_of(line, #sampled + 1, fail)
      local value = number(line:match("^ (%S+)$", at) or "") or fail "a value"
      key = sampled .. (key ~= "" and "{" .. key .. "}" or "")
      if samples[key] then fail "twice" end
      if family.kind == "counter" and value < 0 then fail "a counter below 0" end
      samples[key] = value
      table.insert(family.samples, { name = sampled, labels = labels, value = value })
    end
  end
  for _, one in pairs(families) do
    if one.kind == "histogram" then check_histogram(one) end
  end
  return samples, families
end

return exposition
