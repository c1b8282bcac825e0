-- sse.crypto.hash_password and check_password: scrypt, off the loop, one at a time.
local child = require "spec.support.child"
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames
local hash, check = sse.crypto.hash_password, sse.crypto.check_password

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- The hash of what core.scrypt is given, once its descriptor says that it is there.
local function scrypt(...)
  local job <close>, fd = core.scrypt(...)
  assert(sse.readable(fd))
  return job:finish()
end

-- The text of a hash of 2^log_cost; with 13 it takes some hundredths of a second.
local function hash_of(password, log_cost)
  local text = core.base64url(scrypt(password, "salt", 1 << log_cost, 8, 1, 32))
  return ("$scrypt$ln=%d,r=8,p=1$c2FsdA$%s"):format(log_cost,
    text:gsub("[-_]", { ["-"] = "+", _ = "/" }))
end

local function cheap_hash(password) return hash_of(password, 4) end

local function slow_hash(password) return hash_of(password, 13) end

describe("scrypt", function()
  after_each(child.stop)

  it("is that of RFC 7914 section 12", function()
    assert.equal("77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
      .. "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
      hex(scrypt("", "", 16, 1, 1, 64)))
    assert.equal("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
      .. "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
      hex(scrypt("pleaseletmein", "SodiumChloride", 16384, 8, 1, 64)))
  end)

  it("can be asked for before it is there, and given up", function()
    local descriptors = wait.fds()
    local job = core.scrypt("x", "salt", 4096, 8, 1, 32)
    assert.equal(32, #job:finish())
    job:close()
    job:close()
    assert.same({ nil, "closed", "ECLOSED" }, { job:finish() })
    for _ = 1, 20 do core.scrypt("x", "salt", 1024, 8, 1, 32):close() end
    collectgarbage()
    -- The thread of one that was given up closes its pipe.
    wait.till(function() return wait.fds() <= descriptors end, "the pipes' ends")
  end)

  it("may be under way when the process ends, and in a forked child", function()
    local program = child.script [[
      local core, process = require "sse.core", require "spec.process"
      local job = core.scrypt("x", "salt", 1 << 14, 8, 1, 32)
      core.scrypt("x", "salt", 1 << 14, 8, 1, 32):close()
      local id = process.fork()
      local hash = job:finish()
      core.scrypt("y", "salt", 1 << 15, 8, 1, 32)
      if id == 0 then os.exit(#hash == 32 and 7 or 1) end
      local status
      repeat
        core.turn()
        status = process.ended(id)
      until status
      print(status, #hash)
    ]]
    assert.equal(0, program:wait())
    assert.equal("7\t32\n", program:output())
  end)

  it("refuses what is no setting, or takes too much memory", function()
    for _, case in ipairs {
      { 0, 8, 1, 32 }, { 1, 8, 1, 32 }, { 15, 8, 1, 32 }, { -16, 8, 1, 32 }, { 16, 0, 1, 32 },
      { 16, -1, 1, 32 }, { 16, 8, 0, 32 }, { 16, 8, 17, 32 }, { 16, 8, 1, 0 }, { 16, 8, 1, 65 },
      { 1 << 19, 8, 1, 32 }, { 1 << 62, 8, 1, 32 }, { 16, 1 << 60, 1, 32 },
    } do
      assert.same({ nil, "invalid value", "EINVAL" },
        { core.scrypt("x", "salt", table.unpack(case)) })
    end
    assert.equal("EINVAL", select(3, core.scrypt("x", ("x"):rep(65), 16, 8, 1, 32)))
  end)
end)

describe("a password", function()
  it("is that of its hash, and no other; each hash has a salt of its own", function()
    local first, second = hash "correct horse", hash "correct horse"
    assert.truthy(first:find "^%$scrypt%$ln=15,r=8,p=3%$[%w+/]+%$[%w+/]+$")
    assert.not_equal(first, second)
    assert.is_true(check("correct horse", first))
    assert.is_true(check("correct horse", second))
    assert.is_false(check("correct horsf", first))
  end)

  it("may have been hashed elsewhere, at another cost", function()
    local made = cheap_hash "password"
    for text, is_right in pairs {
      password = true, passwore = false, [""] = false,
    } do
      assert.equal(is_right, check(text, made))
    end
    assert.is_true(check("", cheap_hash ""))
    assert.is_true(check("\0\xff", cheap_hash "\0\xff"))
  end)

  it("has no hash that is none, or costs too much", function()
    local good = cheap_hash "x"
    for _, text in ipairs {
      "", "x", "$2b$12$abc", "$scrypt$", good .. "=", good:gsub("%$[^$]*$", "$"),
      good:gsub("ln=4", "ln=31"), good:gsub("ln=4", "ln=99999999999999999999"),
      good:gsub("ln=4", "ln=20"), good:gsub("ln=4", "ln=0"), good:gsub("r=8", "r=99999999"),
      good:gsub("p=1", "p=0"), good:gsub("p=1", "p=99"), good:gsub("c2FsdA", "c2-sdA"),
      (good:gsub("%$[^$]*$", "$" .. ("A"):rep(400))),
    } do
      local result, _, code = check("x", text)
      assert.is_nil(result)
      assert.equal("EINVAL", code)
    end
  end)

  it("is checked while the loop goes on, one after the other", function()
    local made, order, ticks = slow_hash "x", {}, 0
    local tick = sse.every(1, function() ticks = ticks + 1 end)
    for i = 1, 3 do
      sse.spawn(function()
        assert.is_true(check("x", made))
        order[#order + 1] = i
        if i == 3 then tick:stop() end
      end)
    end
    sse.run()
    assert.same({ 1, 2, 3 }, order)
    assert.is_true(ticks > 3, ticks)
  end)

  it("lets the next one through where a task is cancelled, while it waits or hashes", function()
    local made, over = cheap_hash "x", {}
    local slow = slow_hash "x"
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = sse.spawn(function()
        check("x", i == 1 and slow or made)
        over[#over + 1] = i
      end)
    end
    sse.sleep(0)
    tasks[3]:cancel()
    tasks[1]:cancel()
    for _, i in ipairs { 2, 4 } do assert.is_true(tasks[i]:wait() == nil) end
    assert.same({ 2, 4 }, over)
    assert.is_true(check("x", made))
  end)

  it("is refused where too many wait", function()
    local made, results = cheap_hash "x", { [true] = 0, EFULL = 0 }
    local slow = slow_hash "x"
    local tasks = {}
    for i = 1, 70 do
      tasks[i] = sse.spawn(function()
        local ok, _, code = check("x", i == 1 and slow or made)
        results[ok or code] = results[ok or code] + 1
      end)
    end
    for _, task in ipairs(tasks) do task:wait() end
    assert.same({ [true] = 65, EFULL = 5 }, results)
  end)

  it("waits, which a callback can't", function()
    local message
    core.timer(0, function() message = select(2, pcall(hash, "x")) end)
    wait.till(function() return message end, "the timer")
    assert.truthy(message:find("sse.crypto.hash_password: a callback can't wait", 1, true), message)
  end)

  it("raises on what is none", function()
    blames("sse.crypto.hash_password: expected a password, got nil", function() hash() end)
    blames("sse.crypto.check_password: expected a password, got table",
      function() check({}, "x") end)
    blames("sse.crypto.check_password: expected a hash, got nil", function() check "x" end)
    blames("sse.crypto.hash_password(password): one argument too many",
      function() hash("x", 1) end)
  end)
end)
