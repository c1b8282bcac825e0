--- How easy pages are to read: for each its Flesch reading ease, and its ten longest sentences.
--
--    lua5.4 scripts/reading_ease.lua [--short] PAGE...
--
-- Flesch's figure is 206.835 - 1.015 * words a sentence - 84.6 * syllables a word. About 60 is
-- plain English, 30 is an academic text. Code blocks, headings and cells of a table with fewer than
-- five words are left out. A cell and an item of a list end a sentence. A piece of code within a
-- line counts as one word of two syllables.
local LONGEST = 10
local CODE, CELL = "\1", "\2" -- stands for a piece of code; begins a cell of a table
local SHORT_CELL = 5

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- Syllables of an English word, by its groups of vowels: "table" has two, "made" one.
local function syllables(word)
  word = word:lower():gsub("[^a-z]", "")
  if #word <= 3 then return 1 end
  word = word:gsub("([aeiouy]l)es?$", "%1"):gsub("([^laeiouyscxz])es$", "%1")
    :gsub("([^laeiouydt])ed$", "%1"):gsub("([^laeiouy])e$", "%1")
  local count = select(2, word:gsub("[aeiouy]+", ""))
  return math.max(count, 1)
end

-- The text of a page's lines that are prose. "\n" ends a sentence in any case.
local function prose_of(text)
  local lines, in_code = {}, false
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if line:find "^%s*```" then
      in_code = not in_code
      line = "\n"
    elseif in_code or line:find "^#" or line:find "^    " or line:find "^%[.-%]: " then
      line = "\n"
    elseif line:find "^|" then
      local cells = line:gsub("([^\\])|", "%1\n" .. CELL):gsub("^|", CELL)
      line = line:find "^|[%s:|-]+$" and "\n" or cells .. "\n"
    elseif line == "" or line:find "^%s*[-*] " or line:find "^%s*%d+%. " then
      line = "\n" .. line:gsub("^%s*[-*] ", ""):gsub("^%s*%d+%. ", "")
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, " ")
end

-- A list of sentences: { text, words, syllables }.
local function sentences_of(text)
  local codes = {}
  text = prose_of(text):gsub("!?%[([^%]]*)%]%b()", "%1"):gsub("!?%[([^%]]*)%]%b[]", "%1")
  text = text:gsub("`[^`\n]+`", function(code)
    codes[#codes + 1] = code
    return CODE
  end):gsub("[*_]+", "")
  text = text:gsub("([.!?])([%])\"']*)%s+([A-Z" .. CODE .. "])", "%1%2\n%3"):gsub(":%s*\n", ".\n")
  local list, used = {}, 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local is_cell = line:find(CELL, 1, true)
    line = line:gsub(CELL, "")
    local sentence = { text = line:match "^%s*(.-)%s*$", words = 0, syllables = 0 }
    for word in line:gmatch "%S+" do
      if word:find(CODE, 1, true) then
        sentence.words, sentence.syllables = sentence.words + 1, sentence.syllables + 2
      elseif word:find "%a" then
        sentence.words = sentence.words + 1
        sentence.syllables = sentence.syllables + syllables(word)
      end
    end
    sentence.text = sentence.text:gsub(CODE, function()
      used = used + 1
      return codes[used]
    end)
    if sentence.words >= (is_cell and SHORT_CELL or 1) then list[#list + 1] = sentence end
  end
  return list
end

local function measure(path)
  local list, words, sounds = sentences_of(read(path)), 0, 0
  for _, sentence in ipairs(list) do
    words, sounds = words + sentence.words, sounds + sentence.syllables
  end
  local ease = 206.835 - 1.015 * words / #list - 84.6 * sounds / words
  table.sort(list, function(a, b) return a.words > b.words end)
  return { ease = ease, words = words, sentences = list }
end

local is_short = arg[1] == "--short"
for index = is_short and 2 or 1, #arg do
  local page = measure(arg[index])
  print(("%-34s ease %5.1f, %5d words, %4.1f a sentence, longest %d"):format(arg[index], page.ease,
    page.words, page.words / #page.sentences, page.sentences[1].words))
  for i = 1, is_short and 0 or math.min(LONGEST, #page.sentences) do
    print(("  %3d  %s"):format(page.sentences[i].words, page.sentences[i].text))
  end
end
