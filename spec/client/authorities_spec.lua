-- A client on a machine without certificates of authorities (Debian: ca-certificates).
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local serving = require "spec.support.serving"
local transports = require "spec.support.transports"

local PROGRAM = [[
local sse = require "sse"
local url, ca = "%s", %s
local _, message, code = sse.fetch(url, { tls = { ca = ca } })
print("fetch", message, code)
local source = sse.EventSource(url, { tls = { ca = ca } })
for _ in source:events() do end
print("source", source.failure.code, source.failure.message)
]]

-- The file that libcurl looks for; nil where it asks the system.
local function bundle()
  local pipe <close> = io.popen "curl-config --ca 2>/dev/null"
  local path = pipe:read "l"
  return path ~= "" and path or nil
end

local function secure()
  for _, transport in ipairs(transports) do
    if transport.scheme == "https" then return transport end
  end
end

-- The output of a client that finds no file `hidden`; `ca` is its option.
local function run(hidden, ca)
  local library = assert(package.searchpath("spec.no_bundle", package.cpath))
  local preload = ("%s:%s"):format(os.getenv "LD_PRELOAD" or "", library)
  local program = child.script(PROGRAM:format(serving.url "/", ca and ("%q"):format(ca)),
    ("LD_PRELOAD=%s NO_BUNDLE=%s"):format(preload, hidden))
  assert.equal(0, program:wait(), program:output())
  return program:output()
end

serving.over(secure(), "a client without certificates of authorities", function()
  before_each(function()
    serving.start(function(server)
      server:get("/", function(_, res) res:reply(200, "fine") end)
    end)
  end)
  after_each(function()
    child.stop()
    serving.stop()
  end)

  it("says which package is missing, with the code ECERT", function()
    local path = bundle()
    if not path then return pending "this libcurl has no file of certificates" end
    local output = run(path)
    assert.matches("fetch\t[^\n]*install the package ca%-certificates[^\n]*\tECERT", output)
    assert.matches("source\tECERT\t[^\n]*install the package ca%-certificates", output)
  end)

  it("needs none where the option tls.ca names the authorities", function()
    local path = bundle()
    if not path then return pending "this libcurl has no file of certificates" end
    assert.matches("fetch\tnil\tnil\n", run(path, certs.client().ca))
  end)

  it("says that a file of tls.ca is missing, and nothing of packages", function()
    local output = run("", "/no/such/file.pem")
    assert.matches("fetch\t[^\n]*/no/such/file.pem[^\n]*\tECERT", output)
    assert.is_nil(output:find("package", 1, true))
  end)
end)
