--- What an error of a server says. Redis before 7 begins those that come out of a script with
-- places in the script: "ERR Error running script (call to f_1a2b): @user_script:7: @user_script:
-- 7: -READONLY ...", or "@user_script: 7: -READONLY ...". Their first word is what counts.
-- @module sse.redis.error_text

--- @tparam string err
-- @treturn string without the places
return function(err)
  local text = err:gsub("^ERR Error running script %(call to f_%x+%): ", "")
  local count
  repeat text, count = text:gsub("^@user_script: ?%d+: ", "") until count == 0
  if text == err then return err end
  return (text:gsub("^%-", ""))
end
