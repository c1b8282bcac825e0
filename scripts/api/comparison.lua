--- Compares the interface, as the library has it, with its reference, both ways: each function has
-- an entry, each field and option a row in a table of its class or function, and each number of the
-- stats a row or a word; and nothing is described that does not exist.
local comparison = {}

local function set_of(list, get)
  local set = {}
  for _, item in ipairs(list or {}) do set[get and get(item) or item] = true end
  return set
end

-- Complains about each name that is in one of the lists alone. The texts have a place for a name.
local function compare_names(report, has, described, missing, unknown)
  local known = set_of(has)
  for _, name in ipairs(has) do
    report.count = report.count + 1
    if not described[name] then report.add(missing:format(name)) end
  end
  for name in pairs(described) do
    if not known[name] then report.add(unknown:format(name)) end
  end
end

local function add(sets, class, name)
  sets[class] = sets[class] or {}
  sets[class][name] = true
end

-- The methods and the fields that the reference describes: by class, sets.
local function described_of(doc)
  local methods, fields = {}, {}
  for _, entry in ipairs(doc.functions) do
    local name, static = entry.name:match "[%w_]+$", entry.name:match "^sse%.(.*)%."
    if static then add(methods, static, name) end
    for _, class in ipairs(entry.of) do add(methods, class, name) end
  end
  for _, described in ipairs(doc.classes) do
    for _, field in ipairs(described.fields) do
      for _, class in ipairs(field.of) do add(fields, class, field.name) end
    end
  end
  return methods, fields
end

local function compare_class(report, class, methods, fields)
  local name = class.class
  methods, fields = methods[name] or {}, fields[name] or {}
  compare_names(report, class.methods, methods, ("no entry of the method '%%s' of %s"):format(name),
    ("%s has no method '%%s'"):format(name))
  compare_names(report, class.fields, fields, ("no row of the field '%%s' of %s"):format(name),
    ("%s has no field '%%s'"):format(name))
end

local function compare_options(report, doc, options)
  for where, names in pairs(options) do
    local rows = set_of(doc.options[where], function(option) return option.name end)
    compare_names(report, names, rows, ("no row of the option '%%s' of %s"):format(where),
      ("%s has no option '%%s'"):format(where))
  end
end

-- For each metric of the pages, as `sse_a_b_total` or `sse_channel_a_b`: a_b, the path of a number
-- in the stats of a server or a channel, and the table a. Also all words of the pages.
local function words_of(doc)
  if doc.text == doc.words_are_of then return doc.words, doc.paths end
  local words, paths = {}, {}
  for word in doc.text:gmatch "[%a_][%w_]*" do
    words[word] = true
    local name = word:match "^sse_channel_(.*)$" or word:match "^sse_(.*)$"
    if name then
      paths[name:gsub("_total$", "")] = true
      paths[name:match "^[^_]*"] = true
    end
  end
  doc.words, doc.paths, doc.words_are_of = words, paths, doc.text
  return words, paths
end

-- Classes whose stats have a table of fields.
local STATS = { source = "sse.SourceStats", store = "sse.StoreStats" }

-- A number is documented by its path, as a metric; or by a field, if its class has a table of them;
-- or by a word, if its path without that word is a metric with a label, whose value the word is.
local function check_stats(report, doc, class, words, paths)
  local fields = doc.classes[STATS[class.class] or ""] or { fields = {} }
  local rows = set_of(fields.fields, function(field) return field.name end)
  for _, name in ipairs(class.stats or {}) do
    report.count = report.count + 1
    local above, word = name:match "^(.*)%.([^.]*)$"
    local is_word = above and words[word] and paths[above:gsub("%.", "_")]
    if not paths[name:gsub("%.", "_")] and not is_word and not rows[name] then
      report.add(("no number '%s' of %s:stats()"):format(name, class.class))
    end
  end
end

-- What a signature names as parameters: "(channel, ..., options)" are channel and "...", since what
-- is behind these is described with them.
local function parameters_of(title)
  local list = {}
  for name in title:match "%((.*)%)$":gmatch "[^%s,]+" do
    list[#list + 1] = name
    if name == "..." then break end
  end
  return list
end

local function check_entry(report, doc, entry)
  local where = entry.title
  local given = set_of(entry.params, function(param) return param.name end)
  compare_names(report, parameters_of(entry.title), given,
    ("%s: nothing about '%%s'"):format(where), ("%s: '%%s' is no parameter"):format(where))
  if entry.summary == "" then report.add(where .. ": no description") end
  if not entry.example then report.add(where .. ": no example") end
  local other = (entry.Returns or ""):match "^Returns as `([^`]+)`"
  if other and not doc.by_name[other] then report.add(where .. ": returns as nothing") end
end

-- Complains about functions of `sse` without an entry. A table of functions, as `sse.json` is,
-- needs none: its functions are looked up as those of a class.
local function compare_functions(report, doc, group)
  local tables = {}
  for _, class in ipairs(group.classes) do tables[class.class] = class.is_table end
  local described = set_of(doc.functions, function(entry) return entry.name end)
  for _, name in ipairs(group.functions) do
    report.count = report.count + 1
    local is_table = tables[name]
    if not (described["sse." .. name] or is_table or doc.fields[name]) then
      report.add(("no entry of 'sse.%s'"):format(name))
    end
  end
end

-- Complains about entries `sse.name` that the library has not.
local function check_existence(report, doc, groups)
  local known = {}
  for _, group in ipairs(groups) do
    for _, name in ipairs(group.functions) do known[name] = true end
  end
  for _, entry in ipairs(doc.functions) do
    local name = entry.name:match "^sse%.([%w_]+)"
    if name and not known[name] then report.add(("'sse.%s' does not exist"):format(name)) end
  end
end

--- Compares the names alone.
-- @tparam table report of api.report
-- @tparam table groups as of interface.read
-- @tparam table doc as of reference.describe
function comparison.compare_names(report, groups, doc)
  local words, paths = words_of(doc)
  local methods, fields = described_of(doc)
  check_existence(report, doc, groups)
  for _, group in ipairs(groups) do
    compare_functions(report, doc, group)
    compare_options(report, doc, group.options)
    for _, class in ipairs(group.classes) do
      compare_class(report, class, methods, fields)
      compare_options(report, doc, class.options)
      check_stats(report, doc, class, words, paths)
    end
  end
end

--- Compares the names, and looks whether each entry is complete.
function comparison.compare(report, groups, doc)
  for _, complaint in ipairs(doc.complaints) do report.add(complaint) end
  for _, entry in ipairs(doc.functions) do check_entry(report, doc, entry) end
  comparison.compare_names(report, groups, doc)
end

return comparison
