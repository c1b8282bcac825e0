-- Errors of a script's commands as versions of Redis tell them.
local fake_redis = require "spec.support.fake_redis"
local plain = require "sse.redis.error_text"
local redis_stores = require "spec.support.redis_stores"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local READONLY = "READONLY You can't write against a read only replica."
local BEFORE_7 = "@user_script: 171: -" .. READONLY
local RAISED = "ERR Error running script (call to f_a8e045687019c1230c01d4717e0579b12b1a1b50): "
  .. "@user_script:171: " .. BEFORE_7

describe("sse.redis and errors of a script's commands", function()
  local fake

  after_each(function()
    redis_stores.close()
    if fake then fake:close() end
    fake = nil
  end)

  it("begin with their word, whatever the version", function()
    assert.equal(READONLY, plain(READONLY))
    assert.equal(READONLY, plain(BEFORE_7))
    assert.equal(READONLY, plain(RAISED))
    for _, text in ipairs { "", "ERR", "-x", "ERR @user_script: 1: x", "@user_script",
      "@user_script:x", READONLY .. " script: f, on @user_script:171." } do
      assert.equal(text, plain(text))
    end
  end)

  for name, reply in pairs {
    ["raised"] = ("-%s\r\n"):format(RAISED),
    ["that of the first event"] = ("*2\r\n$1\r\na\r\n*1\r\n-%s\r\n"):format(BEFORE_7),
  } do
    it("are understood: " .. name, function()
      fake = fake_redis.start(function(words)
        return words[1] == "EVALSHA" and words[4] and #words > 20 and reply
          or fake_redis.greet(words)
      end)
      local store = redis_stores.open(fake.url, { queue = 10 })
      local states = redis_stores.states_of(store)
      local log = store:open("a", { history = 10, history_bytes = 1 << 20 })
      log:append({ event = stores.event(1) }, function() end)
      wait.till(function() return states[2] end, "the state")
      assert.equal("down " .. READONLY, states[2])
    end)
  end
end)
