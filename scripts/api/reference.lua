--- The reference: its pages, and what they describe.
local entries = require "api.entries"

local reference = { folder = "docs/reference" }

--- The pages in their order, each with what the table of contents says it is.
reference.pages = {
  { "loop", "the loop, timers, tasks, waiting; errors in callbacks" },
  { "eventsource", "the client that follows a stream; the options of all clients" },
  { "fetch", "one request and its response; callbacks; signals" },
  { "bytes", "events from bytes and bytes from events; JSON" },
  { "server", "a server, its options, routes, files, HTTPS, HTTP/2" },
  { "workers", "several processes that serve the same addresses" },
  { "handlers", "requests, responses and event streams" },
  { "channels", "publish, follow, replay" },
  { "stores", "channels whose events survive the process; SQLite, Redis" },
  { "tokens", "JSON Web Tokens, signed values, passwords, randomness" },
  { "numbers", "what is counted, and its metrics" },
}

function reference.read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- Pages beside the reference that describe classes of it.
local BESIDE = { "docs/errors.md" }

--- Reads the pages from a checkout.
-- @tparam string root ends with a slash, or is empty
-- @treturn {table,...} `path`, `text`, `about`; the first is the table of contents
function reference.read_pages(root)
  local list = { { path = "docs/reference.md" } }
  for _, page in ipairs(reference.pages) do
    list[#list + 1] = { path = ("%s/%s.md"):format(reference.folder, page[1]), about = page[2] }
  end
  for _, path in ipairs(BESIDE) do list[#list + 1] = { path = path } end
  for _, page in ipairs(list) do page.text = reference.read_file(root .. page.path) end
  return list
end

--- Reads what the pages describe: as entries.read, and `fields`, the fields of `sse` that are no
-- functions, `text`, that of all pages, and `pages`.
function reference.describe(pages)
  local doc, texts = entries.read(pages), {}
  for i, page in ipairs(pages) do texts[i] = page.text end
  doc.text, doc.pages, doc.fields = table.concat(texts, "\n"), pages, {}
  for name in pages[1].text:gmatch "\n`sse%.([%w_]+)` is" do doc.fields[name] = true end
  return doc
end

return reference
