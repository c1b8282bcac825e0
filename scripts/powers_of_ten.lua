-- Writes csrc/wire/powers_of_ten.c to standard output: the first 128 bits of each power of ten from
-- 10^-342 to 10^324. All arithmetic is on whole numbers and exact, so nothing is rounded but the
-- result, which is cut after 128 bits. spec/wire/decimal_spec.lua compares it with the file.
local LOWEST, HIGHEST = -342, 324
local RECIPROCAL_BITS = 1024 -- 1 / 5^342 has 128 bits and more behind 2^-1024

-- A whole number of any size: a list of limbs of 24 bits, the lowest first.
local LIMB_BITS = 24
local LIMB = 1 << LIMB_BITS

local function times_five(number)
  local product, carry = {}, 0
  for i, limb in ipairs(number) do
    carry = carry + limb * 5
    product[i], carry = carry % LIMB, carry // LIMB
  end
  if carry > 0 then product[#product + 1] = carry end
  return product
end

local function fifth_of(number)
  local quotient, rest = {}, 0
  for i = #number, 1, -1 do
    rest = rest * LIMB + number[i]
    quotient[i], rest = rest // 5, rest % 5
  end
  if quotient[#quotient] == 0 then quotient[#quotient] = nil end
  return quotient
end

local function bit_at(number, place)
  local limb = number[place // LIMB_BITS + 1] or 0
  return limb >> place % LIMB_BITS & 1
end

local function bit_length(number)
  local length = (#number - 1) * LIMB_BITS
  local highest = number[#number]
  while highest > 0 do
    length, highest = length + 1, highest >> 1
  end
  return length
end

-- The 64 bits below the `skipped` highest ones, with zeros behind the lowest bit of the number.
local function word_of(number, skipped)
  local word, top = 0, bit_length(number) - 1 - skipped
  for place = top, top - 63, -1 do
    word = word << 1 | (place >= 0 and bit_at(number, place) or 0)
  end
  return word
end

-- 10^q and 5^q differ by a power of two, so they begin with the same bits.
local entries, five = {}, { 1 }
for q = 0, HIGHEST do
  entries[q] = five
  five = times_five(five)
end
local reciprocal = {}
for i = 1, RECIPROCAL_BITS // LIMB_BITS do reciprocal[i] = 0 end
reciprocal[#reciprocal + 1] = 1 << RECIPROCAL_BITS % LIMB_BITS
for q = -1, LOWEST, -1 do
  reciprocal = fifth_of(reciprocal) -- a quotient cut several times is the same as one cut once
  entries[q] = reciprocal
end

print [[
/* powers_of_ten.c: written by scripts/powers_of_ten.lua; change that instead. */
#include "powers_of_ten.h"

/* Two powers a line, from 10^-342 to 10^324. */
/* clang-format off */
const sse_power sse_powers_of_ten[SSE_POWER_MAX - SSE_POWER_MIN + 1] = {]]
local line = {}
for q = LOWEST, HIGHEST do
  line[#line + 1] = ("{0x%016x,0x%016x},"):format(word_of(entries[q], 0), word_of(entries[q], 64))
  if #line == 2 or q == HIGHEST then
    print("    " .. table.concat(line, " "))
    line = {}
  end
end
print "};\n/* clang-format on */"
