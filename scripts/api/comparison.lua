--- Compares the interface with its reference, both ways: each name of the interface is in the
-- reference's code under the heading of its class or group, and each name that the reference's code
-- and tables of options use exists.
local mentions = require "api.mentions"
local reference = require "api.reference"

local comparison = {}

-- All identifiers in the code under the headings, as a set.
local function words_under(sections, headings)
  local words = {}
  for _, section in ipairs(sections) do
    local is_under = false
    for _, heading in ipairs(headings) do is_under = is_under or section.titles[heading] end
    for _, piece in ipairs(is_under and section.pieces or {}) do
      for word in piece:gmatch "[%a_][%w_]*" do words[word] = true end
    end
  end
  return words
end

-- Complains about each of the names, "closed" or "closed.client", that is not among the words.
local function check_names(report, words, names, of, headings)
  for _, name in ipairs(names or {}) do
    report.count = report.count + 1
    if not words[name:match "[^.]+$"] then
      report.add(("no '%s' of %s under \"%s\""):format(name, of, table.concat(headings, '", "')))
    end
  end
end

-- For each metric among the words, as `sse_a_b_total` or `sse_channel_a_b`: a_b, the path of a
-- number in the stats of a server or a channel, and the table a.
local function paths_of_metrics(words)
  local all = {}
  for word in pairs(words) do
    local name = word:match "^sse_channel_(.*)$" or word:match "^sse_(.*)$"
    if name then
      all[name:gsub("_total$", "")] = true
      all[name:match "^[^_]*"] = true
    end
  end
  return all
end

local function check_options(report, words, options, headings)
  for where, names in pairs(options) do
    check_names(report, words, names, "the options of " .. where, headings)
  end
end

-- A number is documented by its path, as a metric; or by a word, if it has no path, or if its path
-- without that word is a metric with a label, whose value the word is.
local function check_stats(report, words, class)
  local paths = paths_of_metrics(words)
  for _, name in ipairs(class.stats or {}) do
    report.count = report.count + 1
    local above, word = name:match "^(.*)%.([^.]*)$"
    local is_word = words[word or name] and (not above or paths[above:gsub("%.", "_")])
    if not paths[name:gsub("%.", "_")] and not is_word then
      local headings = table.concat(class.headings, '", "')
      report.add(("no '%s' of %s:stats() under \"%s\""):format(name, class.class, headings))
    end
  end
end

local function check_class(report, sections, class)
  local words = words_under(sections, class.headings)
  check_names(report, words, class.methods, class.class, class.headings)
  check_names(report, words, class.fields, class.class, class.headings)
  check_stats(report, words, class)
  check_options(report, words, class.options, class.headings)
end

local function check_functions(report, sections, names)
  local mentioned = {}
  for _, section in ipairs(sections) do
    for _, piece in ipairs(section.pieces) do
      for name in piece:gmatch "sse%.([%a_][%w_]*)" do mentioned[name] = true end
    end
  end
  for _, name in ipairs(names) do
    report.count = report.count + 1
    if not mentioned[name] then report.add(("no 'sse.%s'"):format(name)) end
  end
end

-- A report and its list of complaints, each of which is added once.
local function new_report(path)
  local list, seen = {}, {}
  local report = { count = 0 }
  function report.add(complaint)
    if not seen[complaint] then list[#list + 1] = ("%s: %s"):format(path, complaint) end
    seen[complaint] = true
  end
  return list, report
end

--- Compares.
-- @tparam table groups as of interface.read
-- @tparam string text of docs/reference.md
-- @treturn {string,...} complaints, sorted; empty if all is well
-- @treturn int how many names of the interface were looked up
function comparison.compare(groups, text)
  local sections = reference.read(text)
  local list, report = new_report "docs/reference.md"
  for _, group in ipairs(groups) do
    check_functions(report, sections, group.functions)
    local words = words_under(sections, group.headings)
    check_options(report, words, group.options, group.headings)
    for _, class in ipairs(group.classes) do check_class(report, sections, class) end
  end
  mentions.check(report, groups, sections)
  table.sort(list)
  return list, report.count
end

--- Looks up what another page mentions.
-- @tparam table groups as of `compare`
-- @tparam string path of the page, for the complaints
-- @tparam string text
-- @treturn {string,...} complaints, sorted
function comparison.check_page(groups, path, text)
  local list, report = new_report(path)
  mentions.check_page(report, groups, reference.read(text))
  table.sort(list)
  return list
end

return comparison
