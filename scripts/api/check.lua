--- What `make lint` checks of the pages: the reference against the library, the files that are made
-- from the reference, the names that pages use, and their links.
local comparison = require "api.comparison"
local links = require "api.links"
local made = require "api.made"
local mentions = require "api.mentions"
local page = require "api.page"
local reference = require "api.reference"
local types = require "api.types"

local check = {}

-- Pages that are about the inside of the library.
local INSIDE = { ["docs/architecture.md"] = true, ["docs/decisions.md"] = true }

-- Variables that stand for something else outside of the reference: an event there is a failure as
-- often as not, and `response.completed` an event of OpenAI's.
local SKIPPED = { ev = true, event = true, response = true }

-- Complains where a file is not as it would be made.
local function check_made(report, root, doc)
  for path, text in pairs(made.files(doc)) do
    local ok, found = pcall(reference.read_file, root .. path)
    if not ok or found ~= text then
      report.add(path .. ": not as `make doc` writes it from docs/reference")
    end
  end
end

--- Checks the reference.
-- @tparam table report of api.report
-- @tparam table groups as of interface.read
-- @tparam table doc as of reference.describe
function check.reference(report, groups, doc)
  comparison.compare(report, groups, doc)
  for _, part in ipairs(doc.pages) do
    local about = report.about(part.path)
    local skipped = part.path:find "/reference" and {} or SKIPPED
    mentions.check(about, groups, page.read(part.text), types.names(doc), skipped)
  end
end

--- Checks all.
-- @tparam table report of api.report
-- @tparam string root ends with a slash
-- @tparam table groups as of interface.read
-- @treturn int how many names of the interface were looked up
-- @treturn int how many pages there are
function check.run(report, root, groups)
  local doc = reference.describe(reference.read_pages(root))
  check.reference(report, groups, doc)
  check_made(report, root, doc)
  local pages, is_reference = links.read_pages(root), {}
  for _, part in ipairs(doc.pages) do is_reference[part.path] = true end
  for path, text in pairs(pages.texts) do
    if links.is_documentation(path) and not INSIDE[path] and not is_reference[path] then
      mentions.check(report.about(path), groups, page.read(text), types.names(doc), SKIPPED)
    end
  end
  links.check(report, pages)
  return report.count, #pages
end

return check
