// The text of each chunk's delta, by npm's eventsource-parser and JSON.parse; pieces of 16 KiB,
// decoded by a streaming TextDecoder, as the package's users do.
// usage: node json_bench.mjs STREAM   Prints lines as json_bench.lua does.
import { readFileSync } from 'node:fs'
import { createParser } from 'eventsource-parser'

const PIECE = 16384, ROUNDS = 15
const bytes = readFileSync(process.argv[2])
const pieces = []
for (let at = 0; at < bytes.length; at += PIECE) pieces.push(bytes.subarray(at, at + PIECE))

let length = 0
const parser = createParser({
  onEvent(ev) { length += JSON.parse(ev.data).choices[0].delta.content.length },
})

let best = Infinity
for (let round = 0; round < ROUNDS; round++) {
  const start = performance.now()
  const decoder = new TextDecoder()
  parser.reset()
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }))
  best = Math.min(best, (performance.now() - start) / 1e3)
}
if (length === 0) throw new Error('nothing was read')
console.log(['delta', 'eventsource-parser', best.toFixed(12), bytes.length].join('\t'))
