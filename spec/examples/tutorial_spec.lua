-- docs/tutorial.md: its stages as programs, its blocks as parts of them, its commands.
local blocks = require "spec.support.blocks"
local child = require "spec.support.child"
local curl = require "spec.support.curl"
local lfs = require "lfs"
local redis = require "spec.support.redis"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local PAGE = "docs/tutorial.md"
local STAGES = {
  "1_listen", "2_serve", "3_broadcast", "4_come_back", "5_who_is_there", "6_log_in",
  "7_restart", "8_all_cores", "9_many_machines",
}
local ANN = "lua5.4 examples/tutorial/5_who_is_there.lua listen "
  .. "'http://127.0.0.1:9522/events?name=ann'"
local MANY = "lua5.4 examples/tutorial/9_many_machines.lua "
local CLOCK = "lua5.4 examples/tutorial/1_listen.lua http://127.0.0.1:9522/clock/stream"

-- The commands that the tests below run, or that others do: `make demo`, and
-- spec/pages/commands_spec.lua.
local KNOWN = {
  ['eval "$(make -s env)"'] = true, ["make demo"] = true, [CLOCK] = true,
  [ANN] = true,
  ["curl -N 127.0.0.1:9522/events"] = true,
  ["curl -d 'Hello, all' 127.0.0.1:9522/messages"] = true,
  ["curl -d 'You missed this' 127.0.0.1:9522/messages"] = true,
  ["curl -d 'Before' 127.0.0.1:9522/messages"] = true,
  ["curl -d 'Who took this?' 127.0.0.1:9522/messages"] = true,
  ["curl -d 'Over there?' 127.0.0.1:9523/messages"] = true,
  ["sudo apt install redis-server"] = true,
  [MANY .. "serve 9523"] = true, [MANY .. "listen http://127.0.0.1:9523/events"] = true,
}
for i = 2, #STAGES do
  KNOWN[("lua5.4 examples/tutorial/%s.lua serve"):format(STAGES[i])] = true
  KNOWN[("lua5.4 examples/tutorial/%s.lua listen"):format(STAGES[i])] = true
end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- The source of the stage in whose section a line of the page is.
local function stage_at(line)
  local number, stage = 0, nil
  for text in io.lines(PAGE) do
    number = number + 1
    stage = text:match "^## (%d)%." or stage
    if number == line then
      return read(("examples/tutorial/%s.lua"):format(STAGES[tonumber(stage)]))
    end
  end
end

-- Starts a stage as a server; returns the program and its URL.
local function serve(stage, port, path)
  local served = child.start(("examples/tutorial/%s.lua serve %d %s"):format(stage, port or 0,
    path or ""))
  return served, served:till "(http://127%.0%.0%.1:%d+)\n"
end

local function listen(stage, ...)
  local words = table.concat({ ... }, " ")
  return child.start(("examples/tutorial/%s.lua listen %s"):format(stage, words))
end

-- Says something. From stage 8 on the answer says who took it, which is returned.
local function say(url, text)
  return curl.start(("-w 'status %%{http_code}' -d '%s' %s/messages"):format(text, url))
    :till "^(.-)status 20[04]"
end

-- The last line of output that the page shows beside such a command.
local function shown(pattern)
  for _, block in ipairs(blocks.of_page(PAGE, "text")) do
    if block.code:find(pattern) then return block.code end
  end
  error("the page does not show " .. pattern)
end

describe("the tutorial", function()
  after_each(function()
    curl.stop()
    child.stop()
  end)

  for _, block in ipairs(blocks.of_page(PAGE)) do
    local language = block.language
    if language == "lua" or language == "js" then
      it(("shows a part of its stage: %s, line %d"):format(language, block.line), function()
        local code = block.code
        if language == "js" then code = code:gsub("\n.*", "") end
        assert.truthy(stage_at(block.line):find(code, 1, true), code)
      end)
    elseif language == "sh" then
      it("names a command that is run: line " .. block.line, function()
        for line in block.code:gmatch "[^\n]+" do assert.is_true(KNOWN[line], line) end
      end)
    end
  end

  it("has each stage's program, no longer than a page", function()
    for _, stage in ipairs(STAGES) do
      local count = select(2, read(("examples/tutorial/%s.lua"):format(stage)):gsub("\n", ""))
      assert.is_true(count <= 105, stage)
      assert.truthy(read(PAGE):find(("../examples/tutorial/%s.lua"):format(stage), 1, true), stage)
    end
  end)

  it("1: listens, and comes back after the server was away", function()
    local clock = child.start "examples/clock.lua 0"
    local port = clock:till "http://127%.0%.0%.1:(%d+)"
    local url = ("http://127.0.0.1:%s/stream"):format(port)
    local listener = child.start("examples/tutorial/1_listen.lua " .. url)
    listener:till "^message\t%d%d:%d%d:%d%d\n"
    assert.truthy(shown("^message\t%d%d:%d%d:%d%d\n"))
    clock:kill "KILL"
    clock:wait()
    listener:till "error\t"
    child.start("examples/clock.lua " .. port)
    listener:till "error\t.+\nmessage\t"
  end)

  it("2: serves its listener and curl", function()
    local served, url = serve "2_serve"
    local listener = listen("2_serve", url .. "/events")
    local wanted = "^event: time\ndata: %d%d:%d%d:%d%d\n\nevent: time\ndata: %d%d:%d%d:%d%d\n"
    local client = curl.start(url .. "/events")
    listener:till "^time\t%d%d:%d%d:%d%d\n"
    client:till(wanted)
    assert.truthy(shown(wanted))
    listener:kill "KILL"
    client:kill()
    served:kill "TERM"
    assert.equal(0, served:wait())
  end)

  it("3: what one says, all hear", function()
    local _, url = serve "3_broadcast"
    local clients = { curl.start(url .. "/events"), curl.start(url .. "/events") }
    for _, client in ipairs(clients) do client:till "^id: [^\n]+\n\n" end
    say(url, "Hello, all")
    for _, client in ipairs(clients) do client:till "\ndata: Hello, all\n\n" end
    curl.start(url .. "/"):till "new EventSource%('events'%)"
  end)

  it("4: tells what was said meanwhile, and what is lost", function()
    local served, url = serve "4_come_back"
    local file = os.tmpname()
    os.remove(file)
    say(url, "first")
    local listener = listen("4_come_back", url .. "/events", file)
    listener:till "^message\tfirst\n"
    wait.till(function() return (lfs.attributes(file, "size") or 0) > 0 end, "the id in the file")
    listener:kill "INT"
    listener:wait()
    say(url, "You missed this")
    local again = listen("4_come_back", url .. "/events", file)
    again:till "^message\tYou missed this\n"

    served:kill "KILL"
    served:wait()
    serve("4_come_back", tonumber(url:match ":(%d+)$"))
    local gap = '(sse%-gap\t{"lastEventId":")%w+%-%d+(","reason":"unknown"})'
    local before, after = again:till(gap)
    assert.equal(before .. "ms4nnpy2-1" .. after, shown "^sse%-gap")
    os.remove(file)
  end)

  it("5: shows who is there", function()
    local _, url = serve "5_who_is_there"
    local ann = listen("5_who_is_there", ("'%s/events?name=ann'"):format(url))
    ann:till 'here\t%["ann"%]\n'
    local bob = curl.start(("'%s/events?name=bob'"):format(url))
    ann:till 'here\t%["ann","bob"%]\n'
    assert.truthy(shown '^here\t%["ann"%]\nhere\t%["ann","bob"%]')
    curl.start(("-d Hello '%s/messages?name=bob'"):format(url))
    ann:till "message\tbob: Hello\n"
    bob:kill()
    ann:till 'message\tbob: Hello\nhere\t%["ann"%]\n'
  end)

  it("6: lets in who has logged in, and out again", function()
    local _, url = serve "6_log_in"
    curl.start("-w 'status %{http_code}' " .. url .. "/events"):till "Log in.*status 401"
    curl.start(("-w 'status %%{http_code}' -d 'name=ann&password=x' %s/login"):format(url))
      :till "Log in.*status 401"
    local ann = listen("6_log_in", url, "ann")
    ann:till 'here\t%["ann"%]\n'
    local jar = os.tmpname()
    local function ask(words, status)
      curl.start(("-w 'status %%{http_code}' %s"):format(words)):till("status " .. status)
    end
    ask(("-c %s -d 'name=ann&password=sesame' %s/login"):format(jar, url), 303)
    ask(("-b %s -d Hello %s/messages"):format(jar, url), 204)
    ann:till "message\tann: Hello\n"
    local window = curl.start(("-w ended -b %s %s/events"):format(jar, url))
    window:till 'data: %["ann","ann"%]'
    ask(("-b %s -X POST %s/logout"):format(jar, url), 303)
    window:till "ended$"
    os.remove(jar)
  end)

  it("7: loses nothing by a restart, and says what it could not keep", function()
    local path, file = temporary.folder() .. "/room.db", os.tmpname()
    os.remove(file)
    local served, url = serve("7_restart", nil, path)
    local listener = listen("7_restart", url .. "/events", file)
    say(url, "Before")
    listener:till "^message\tBefore\n"
    served:kill "KILL"
    served:wait()
    listener:till "^message\tBefore\nerror\t"
    serve("7_restart", tonumber(url:match ":(%d+)$"), path)
    say(url, "After")
    local wanted = "^message\tBefore\nerror\t.+\nmessage\tAfter\n"
    local said = listener:till("(" .. wanted:sub(2) .. ")")
    assert.is_nil(said:find "sse%-gap", said)
    assert.truthy(shown(wanted:sub(1, -2)))
    curl.start(url .. "/events"):till "data: Before\n.*data: After\n"

    local _, lost = serve("7_restart", nil, "/nowhere/room.db")
    curl.start(("-w 'status %%{http_code}' -d x %s/messages"):format(lost))
      :till "unable to open.*status 503"
    os.remove(file)
  end)

  -- The processes that a process has started.
  local function children(pid)
    local list = {}
    local ps <close> = io.popen "env -u LD_PRELOAD ps -A -o pid= -o ppid="
    for line in ps:lines() do
      local id, parent = line:match "(%d+)%s+(%d+)"
      if tonumber(parent) == pid then list[#list + 1] = id end
    end
    return list
  end

  it("8: is one room in all workers, of which one dies", function()
    local path, file = temporary.folder() .. "/cores.db", os.tmpname()
    os.remove(file)
    local served, url = serve("8_all_cores", nil, path)
    local count = tonumber(served:till "worker %d+ of (%d+): ")
    served:till(("worker %d+ of .-"):rep(count))
    local answered, waits = {}, count
    repeat -- the end of one that was not ready would be a start that fails
      local worker = say(url, "One"):match "^worker (%d+)\n$"
      if not answered[worker] then answered[worker], waits = true, waits - 1 end
    until waits == 0
    assert.truthy(shown "^worker %d+\n?$")
    local listener = listen("8_all_cores", url .. "/events", file)
    listener:till "^message\tOne\n"
    local workers = children(served.pid)
    assert.equal(count, #workers)
    for _, worker in ipairs(workers) do os.execute("kill -KILL " .. worker) end
    served:till(("worker %d+ of .-"):rep(2 * count))
    say(url, "Two")
    listener:till "message\tOne\nerror\t[^\n]+\nmessage\tTwo\n"
    served:kill "TERM"
    assert.equal(0, served:wait())
    os.remove(file)
  end)

  it("9: is one room on two machines, of which one dies", function()
    finally(redis.stop)
    local server, file = redis.start(), os.tmpname()
    os.remove(file)
    local programs, urls = {}, {}
    for i = 1, 2 do
      programs[i], urls[i] = serve("9_many_machines", nil, server.url)
      local count = tonumber(programs[i]:till "worker %d+ of (%d+): ")
      programs[i]:till(("worker %d+ of .-"):rep(count))
    end
    local listener = listen("9_many_machines", urls[1] .. "/events", file)
    local answer = say(urls[2], "Over there?")
    assert.truthy(answer:find(("^port %s, worker %%d+\n$"):format(urls[2]:match "%d+$")), answer)
    assert.truthy(shown "^port 9523, worker %d+\n?$")
    listener:till "^message\tOver there%?\n"
    programs[1]:kill "INT"
    programs[1]:wait()
    listener:till "error\tthe connection broke off[^\n]+\nerror\tFailed to connect"
    say(urls[2], "While you were away")
    listener:kill "INT"
    listener:wait()
    listen("9_many_machines", urls[2] .. "/events", file):till "^message\tWhile you were away\n"
    assert.truthy(shown "^message\tWhile you were away\n?$")
    assert.truthy(shown("^message\tOver there%?\nerror\tthe connection broke off[^\n]+\n"
      .. "error\tFailed to connect[^\n]+\n?$"))
    server:kill "KILL"
    curl.start(("-w 'status %%{http_code}' -d x %s/messages"):format(urls[2]))
      :till "redis: .*status 503"
    programs[2]:kill "TERM"
    assert.equal(0, programs[2]:wait())
    os.remove(file)
  end)
end)
