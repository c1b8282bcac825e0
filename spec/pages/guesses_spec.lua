-- Lines that somebody types who has not read the reference but knows other libraries. Each is run
-- for real: it gives what it looks like, or it raises and names the right way. None does something
-- else in silence.
local client_guesses = require "spec.cases.client_guesses"
local guessing = require "spec.support.guessing"
local server_guesses = require "spec.cases.server_guesses"

local count = 0

local function check(code, guess)
  local ok, text = guessing.run(code)
  if guess.error then
    assert.is_false(ok, text)
    assert.truthy(text:find(guess.error, 1, true), text)
  else
    assert.equal(guess[2], ok and text or "an error: " .. text)
  end
end

for _, groups in ipairs { client_guesses, server_guesses } do
  for _, group in ipairs(groups) do
    local around = group.around or "%s"
    describe("a newcomer's line" .. (group.around and " in " .. around or ""), function()
      after_each(guessing.stop)

      for _, guess in ipairs(group) do
        count = count + 1
        local code = around:gsub("%%s", function() return guess[1] end)
        it(guess[1], function() check(code, guess) end)
      end
    end)
  end
end

it("at least 120 lines were tried", function() assert.is_true(count >= 120) end)
