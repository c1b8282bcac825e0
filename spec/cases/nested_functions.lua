--- Functions that are fields of fields of `sse`, by their names, with fitting arguments.
local sse = require "sse"

local function noop() end

return {
  ["EventSource.fromReader"] = { sse.EventSource.fromReader, { noop, { utf8 = "raw" } } },
  ["AbortSignal.abort"] = { sse.AbortSignal.abort, { "why" } },
  ["AbortSignal.timeout"] = { sse.AbortSignal.timeout, { 1 } },
  ["AbortSignal.any"] = { sse.AbortSignal.any, { { sse.AbortController().signal } } },
  ["json.encode"] = { sse.json.encode, { { x = 1 }, { sort = true } } },
  ["json.decode"] = { sse.json.decode, { "{}", { null = true } } },
  ["json.get"] = { sse.json.get, { "{}", "a", 1 } },
  ["json.array"] = { sse.json.array, { {} } }, ["url.encode"] = { sse.url.encode, { 1 } },
  ["jwt.sign"] = { sse.jwt.sign, { {}, { key = ("x"):rep(32) } } },
  ["jwt.verify"] = { sse.jwt.verify, { "a.b.c", { key = ("x"):rep(32) } } },
  ["crypto.sign"] = { sse.crypto.sign, { "x", ("x"):rep(32), { purpose = "x" } } },
  ["crypto.unsign"] = { sse.crypto.unsign, { "x", ("x"):rep(32), { purpose = "x" } } },
  ["crypto.hash_password"] = { sse.crypto.hash_password, { "x" } },
  ["crypto.check_password"] = { sse.crypto.check_password, {
    "x", "$scrypt$ln=1,r=1,p=1$AA$AA",
  } },
  ["crypto.random"] = { sse.crypto.random, { 1 } }, ["crypto.token"] = { sse.crypto.token, { 1 } },
}
