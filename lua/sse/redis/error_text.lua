--- What an error of a server says. Redis 6.2 begins those that come out of a script with the places
-- in the script: "ERR Error running script (call to f_1a2b): @user_script:7: @user_script: 7:
-- -READONLY ...", or "@user_script: 7: -READONLY ...". Their first word is what counts.
-- @module sse.redis.error_text

--- @tparam string err
-- @treturn string without the places
return function(err)
  err = err:gsub("^ERR Error running script %(call to f_%x+%): @user_script:%d+: ", "")
  return (err:gsub("^@user_script: %d+: %-?", ""))
end
