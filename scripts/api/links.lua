--- Finds dead links in the pages of the tree: to files that are not there, and to headings that a
-- page has not. Links to other sites are not followed.
local lfs = require "lfs"
local markdown = require "api.markdown"

local links = {}

local SKIPPED = { ["."] = true, [".."] = true, [".git"] = true, node_modules = true, doc = true }

local function find(root, folder, list)
  for name in lfs.dir(root .. folder) do
    local path = folder == "" and name or folder .. "/" .. name
    local mode = lfs.attributes(root .. path, "mode")
    if mode == "directory" and not SKIPPED[name] and not name:find "^build" then
      find(root, path, list)
    elseif mode == "file" and name:find "%.md$" then
      list[#list + 1] = path
    end
  end
  return list
end

--- Whether a page is of the documentation for those who use the library.
function links.is_documentation(path)
  return path == "README.md" or path == "examples/README.md" or path:find "^docs/" ~= nil
end

--- Reads all pages of a tree.
-- @tparam string root ends with a slash
-- @treturn table their paths, sorted; `texts`, by path; `root`
function links.read_pages(root)
  local pages = find(root, "", {})
  table.sort(pages)
  pages.texts, pages.root = {}, root
  for _, path in ipairs(pages) do
    local file <close> = assert(io.open(root .. path, "rb"))
    pages.texts[path] = file:read "a"
  end
  return pages
end

-- The anchors of a page: of its headings, where the second of a name has "-1", and of HTML.
local function anchors_of(text)
  local set, seen = {}, {}
  markdown.each_line(text, function(line, _, in_code)
    local title = not in_code and line:match "^#+ +(.-)%s*$"
    if title then
      local anchor = markdown.anchor(title)
      local times = seen[anchor] or 0
      seen[anchor] = times + 1
      set[times == 0 and anchor or ("%s-%d"):format(anchor, times)] = true
    end
    for name in line:gmatch "<a [^>]*[nameid]+=\"([^\"]+)\"" do set[name] = true end
  end)
  return set
end

-- A path as seen from the root: "docs/reference" and "../x.md" are "docs/x.md".
local function join(folder, path)
  local parts = {}
  for part in ((path:find "^/" and "" or folder) .. "/" .. path):gmatch "[^/]+" do
    if part == ".." then
      if #parts == 0 then return nil end
      table.remove(parts)
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

-- What is wrong with a link; nil if nothing is.
local function problem_of(pages, anchors, path, target)
  if target:find "^%a[%w+.-]*:" then return nil end
  local file, anchor = target:match "^([^#]*)#?(.*)$"
  local to = file == "" and path or join(path:match "^(.*)/[^/]*$" or "", file)
  if not to or (to ~= "" and not lfs.attributes(pages.root .. to, "mode")) then
    return "no such file"
  elseif anchor ~= "" and pages.texts[to] then
    anchors[to] = anchors[to] or anchors_of(pages.texts[to])
    return not anchors[to][anchor] and "no such heading" or nil
  end
end

-- Calls fn(target, number) for each link of a page: [text](target), images, <img src="target">,
-- [name]: target, and "[name]" for a use [text][name] of what is defined nowhere.
local function each_link(text, fn)
  local defined, used = {}, {}
  markdown.each_line(text, function(line, number, in_code)
    if in_code then return end
    line = line:gsub("`[^`]*`", "")
    local name, target = line:match "^ ? ? ?%[([^%]]+)%]:%s*(%S+)"
    if name then
      defined[name:lower()] = true
      fn(target, number)
    end
    for found in line:gmatch "%]%(%s*<?([^%s)>]+)" do fn(found, number) end
    for found in line:gmatch "<%a+ [^>]*[srch]+[ref]*=\"([^\"]+)\"" do fn(found, number) end
    for of in line:gmatch "%][[]([^%]]+)%]" do used[of:lower()] = number end
  end)
  for name, number in pairs(used) do
    if not defined[name] then fn(("[%s]"):format(name), number) end
  end
end

--- Adds the dead links of the pages to a report.
-- @tparam table report of api.report
-- @tparam table pages as of `read_pages`
function links.check(report, pages)
  local anchors = {}
  for _, path in ipairs(pages) do
    each_link(pages.texts[path], function(target, number)
      local problem = target:find "^%[" and "defined nowhere"
        or problem_of(pages, anchors, path, target)
      if problem then
        report.add(("%s:%d: dead link to %s: %s"):format(path, number, target, problem))
      end
    end)
  end
end

return links
