-- examples/resume.lua: whoever reads an answer, whenever and how often, gets all of it, once.
local answers = require "examples.models.answers"
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local limit, kept = answers.limit, answers.kept

local function whole(question)
  local text = "This is answer 1. You said: " .. question
  for n = 1, 60 do text = text .. " " .. n end
  return text
end

-- Serves the example; returns its URL, what it logs and what the model logs.
local function serve(interval)
  local _, model_log = examples.take("chat_server", { interval = interval })
  local _, url, log = examples.serve("resume", { retry = 100 })
  return url, log, model_log
end

local function begin(url, question)
  local res = assert(sse.fetch(url .. "answers", { method = "POST", body = question }))
  assert.equal(201, res.status)
  return res:json "id"
end

-- Reads an answer; the table it returns has the `text` so far, and once it is over how it `ended`.
local function read(url)
  local got = { text = "", losses = 0 }
  got.source = sse.EventSource(url, { retryInterval = 1, maxRetryInterval = 100 })
  got.source:addEventListener("*", function(ev)
    if ev.type == "text" then
      got.text = got.text .. ev.data
    elseif ev.type == "question" then
      got.question = ev.data
    else
      got.ended = ev.type .. " " .. ev.data
      got.source:close()
    end
  end)
  got.source.onerror = function() got.losses = got.losses + 1 end
  return got
end

local function wait_for_end(got)
  wait.till(function() return got.ended end, "the answer's end")
  return got.text
end

local function count_words(text) return select(2, text:gsub("%S+", "")) end

local function wait_for_words(got, n)
  wait.till(function() return count_words(got.text) >= n end, "the first words")
end

describe("example resume", function()
  after_each(function()
    answers.limit, answers.kept = limit, kept
    examples.stop()
    child.stop()
  end)

  it("gives all of the text to who comes at first, in the middle, and behind the end", function()
    local url = serve(3)
    local id = begin(url, "Why?")
    local first = read(url .. "answers/" .. id)
    wait_for_words(first, 20)
    assert.is_nil(first.ended)
    local second = read(url .. "answers/" .. id)
    assert.equal(whole "Why?", wait_for_end(first))
    assert.equal(whole "Why?", wait_for_end(second))
    local third = read(url .. "answers/" .. id)
    assert.equal(whole "Why?", wait_for_end(third))
    for _, got in ipairs { first, second, third } do
      assert.same({ "Why?", "done ", 0 }, { got.question, got.ended, got.losses })
    end
  end)

  it("gives the rest, once, to who lost the connection", function()
    local url = serve(20)
    local id = begin(url, "Why?")
    local relay = serving.through()
    local got = read(serving.url("/answers/" .. id))
    for n = 1, 3 do
      wait_for_words(got, count_words(got.text) + 3)
      relay:cut()
      wait.till(function() return got.losses == n end, "the loss of the connection")
    end
    assert.equal(whole "Why?", wait_for_end(got))
    assert.equal(3, got.losses)
  end)

  it("keeps two answers apart, and goes on while nobody reads", function()
    local url = serve(1)
    local one, two = begin(url, "One?"), begin(url, "Two?")
    for _, id in ipairs { one, two } do
      local channel = answers.find(id).channel
      wait.till(function() -- beside the words: the question, and the end
        return channel:stats().events.published == count_words(whole "One?") + 2
      end, "the end of an answer that nobody reads")
    end
    assert.equal(whole "One?", wait_for_end(read(url .. "answers/" .. one)))
    assert.equal(whole "Two?", wait_for_end(read(url .. "answers/" .. two)))
  end)

  it("stops the model by DELETE, which the model's server sees", function()
    local url, _, model_log = serve(20)
    local id = begin(url, "Why?")
    local got = read(url .. "answers/" .. id)
    wait_for_words(got, 3)
    assert.equal(204, assert(sse.fetch(url .. "answers/" .. id, { method = "DELETE" })).status)
    local text = wait_for_end(got)
    assert.equal("failed stopped", got.ended)
    assert.equal("server ended by the client", model_log.till "server ended")
    assert.equal(text, whole "Why?":sub(1, #text))
    local later = read(url .. "answers/" .. id)
    assert.equal(text, wait_for_end(later))
  end)

  it("forgets an answer after a while: 404, at which a source gives up", function()
    examples.take("models.answers", { keep = 1 })
    local url = serve(0)
    local id = begin(url, "Why?")
    wait.till(function() return not pcall(answers.find, id) end, "the end of the time")
    local got = read(url .. "answers/" .. id)
    wait.till(function() return got.source.failure end, "the source's end")
    assert.equal(404, got.source.failure.status)
    for _, path in ipairs { "x", id .. "0" } do
      assert.equal(404, serving.request("GET /answers/" .. path).status)
      assert.equal(404, serving.request("DELETE /answers/" .. path).status)
    end
  end)

  it("says that a model failed, and stops one that never ends", function()
    local url = serve(0)
    local logged = {}
    local function log(...) logged[#logged + 1] = table.concat({ ... }, " ") end
    local function ask_with(ask)
      local got = read(url .. "answers/" .. answers.begin({ ask = ask }, "Why?", log))
      wait_for_end(got)
      return got
    end
    local function refuse() return nil, "the key abc is wrong", 401 end
    assert.equal("failed the model failed", ask_with(refuse).ended) -- not a word of the key
    assert.same({ "model the key is not accepted (401): the key abc is wrong" }, logged)
    local raised = ask_with(function() error "a\27mistake" end)
    assert.equal("failed the model failed", raised.ended)
    assert.truthy(logged[2]:find "^model that did not work: .*a mistake$")
    local got = ask_with(function(service, _, write)
      while not service.signal.aborted do write(("x"):rep(1000)) end
      return nil, tostring(service.signal.reason), "EABORTED"
    end)
    assert.equal("failed the answer is too long", got.ended)
    assert.equal(262000, #got.text)
  end)

  it("bounds the models at work, and the answers that are kept", function()
    local url = serve(0)
    answers.limit, answers.kept = 2, 1
    local function post() return serving.ask("POST /answers", {}, "Why?") end
    local ends = {}
    local function hold() return sse.await(function(resume) ends[#ends + 1] = resume end) end
    local ids = {}
    for n = 1, 2 do ids[n] = answers.begin({ ask = hold }, "Why?", print) end
    wait.till(function() return #ends == 2 end, "two models at work")
    local got = post()
    assert.same({ 429, "1" }, { got.status, got.headers["retry-after"] })
    for n = 1, 2 do
      local reader = read(url .. "answers/" .. ids[n])
      ends[n](true)
      wait_for_end(reader)
    end
    assert.equal(404, serving.request("GET /answers/" .. ids[1]).status)
    assert.equal(201, post().status)
    local last = read(url .. "answers/" .. ids[2])
    assert.equal("done ", wait_for_end(last) and last.ended)
  end)

  it("asks nothing for pages of other sites", function()
    local url = serve(0)
    local function post(origin)
      return serving.ask("POST /answers", { Origin = origin }, "Why?").status
    end
    assert.equal(403, post "http://evil.example")
    assert.equal(403, post "null")
    assert.equal(201, post(url:sub(1, -2)))
  end)

  it("has a page, and a client that prints", function()
    local resume, url, log = examples.serve("resume")
    local page = serving.request "GET /"
    assert.equal("text/html; charset=utf-8", page.headers["content-type"])
    assert.truthy(page.body:find("new EventSource", 1, true))
    examples.take("chat_server", { interval = 0 })
    resume.client(url, "Why?")
    log.till "client question Why?"
    log.till "client text 60"
    log.till "client done"
  end)

  it("is a program; an answer of before a restart is gone, the next one is whole", function()
    local function start(port, interval) -- the program's end waits for what the model still says
      local program = child.start(("-e 'require [[examples.chat_server]].interval = %d' " ..
        "examples/resume.lua %d"):format(interval, port))
      return program, program:till "(http://127.0.0.1:%d+/)\n"
    end
    local program, url = start(0, 40)
    local id = begin(url, "Why?")
    local got = read(url .. "answers/" .. id)
    wait_for_words(got, 2)
    program:kill "INT"
    assert.equal(0, program:wait())
    local _, again = start(url:match ":(%d+)/", 1)
    assert.equal(url, again)
    wait.till(function() return got.source.failure end, "the source's end")
    assert.equal(404, got.source.failure.status)
    assert.equal("Why?", got.question)
    local next_one = read(url .. "answers/" .. begin(url, "And now?"))
    wait_for_words(next_one, 4)
    assert.truthy(next_one.text:find "^This is answer 1%.")
    next_one.source:close()
  end)
end)
