--- Media types by file name extension, for the Content-Type of files.
-- @module sse.server.media_types
local media_types = {}

local types = {
  html = "text/html; charset=utf-8", htm = "text/html; charset=utf-8",
  css = "text/css; charset=utf-8", csv = "text/csv; charset=utf-8",
  js = "text/javascript; charset=utf-8", mjs = "text/javascript; charset=utf-8",
  txt = "text/plain; charset=utf-8", lua = "text/plain; charset=utf-8",
  md = "text/markdown; charset=utf-8", xml = "application/xml",
  json = "application/json", map = "application/json", webmanifest = "application/manifest+json",
  pdf = "application/pdf", wasm = "application/wasm", zip = "application/zip",
  gz = "application/gzip", svg = "image/svg+xml", png = "image/png", gif = "image/gif",
  jpg = "image/jpeg", jpeg = "image/jpeg", webp = "image/webp", avif = "image/avif",
  ico = "image/x-icon", woff = "font/woff", woff2 = "font/woff2", ttf = "font/ttf",
  mp3 = "audio/mpeg", mp4 = "video/mp4", webm = "video/webm",
}

--- The media type of a file, by its name.
-- @tparam string path
-- @treturn string "application/octet-stream" for an unknown extension
function media_types.of(path)
  local extension = path:match("%.([^./]+)$")
  return extension and types[extension:lower()] or "application/octet-stream"
end

return media_types
