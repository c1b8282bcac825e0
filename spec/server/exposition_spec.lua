-- The strict parser of Prometheus' text, on which the specs of server:metrics rely, does refuse
-- wrong texts.
local exposition = require "spec.support.exposition"

describe("the strict reader", function()
  local function bad(text, what)
    local ok, message = pcall(exposition.read, text)
    assert.is_false(ok, text)
    assert.truthy(message:find(what, 1, true), message)
  end

  local function histogram(rows)
    return "# HELP h x\n# TYPE h histogram\n" .. rows
  end

  it("finds what is wrong", function()
    bad("a 1\n", "of another family")
    bad("# HELP a x\n# TYPE a gauge\na 1", "no line end")
    bad("# HELP a x\n# TYPE a gauge\na one\n", "a value")
    bad("# HELP a x\n# TYPE a gauge\na 1\na 1\n", "twice")
    bad("# HELP a x\n# TYPE a counter\na 1\n", "_total")
    bad("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n", "_total")
    bad("# HELP a_total x\n# TYPE a_total counter\na_total -1\n", "below 0")
    bad("# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n", "a base unit")
    bad('# HELP a x\n# TYPE a gauge\na{b="c\\d"} 1\n', "a label's value")
    bad('# HELP a x\n# TYPE a gauge\na{b="c} 1\n', "a label's value")
    bad('# HELP a x\n# TYPE a gauge\na{b="\xff"} 1\n', "no UTF-8")
    bad("# TYPE a gauge\na 1\n", "HELP, then TYPE")
    bad("# HELP a x\n# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n", "a family once")
    bad(histogram 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', "no +Inf")
    bad(histogram 'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\n', "must not fall")
    bad(histogram 'h_bucket{le="1"} 1\nh_bucket{le="0.5"} 1\n', "must rise")
    bad(histogram 'h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n', "_count is not")
    bad(histogram 'h_bucket{le="+Inf"} 1\nh_count 1\n', "no _sum")
  end)
end)
