-- The text without what a terminal takes for a command: control characters except line breaks and
-- tabs, and U+0080 to U+009F, which are two bytes each.
return function(text)
  return (text:gsub("[^%C\n\t]", ""):gsub("\xc2+[\x80-\x9f]+", ""))
end
