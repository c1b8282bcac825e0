// npm's eventsource-parser over the same bytes, delivered to a callback as (data, event, id).
// usage: node parser_bench.mjs PACKAGE FILE...
// Prints FILE, what, events a pass, bytes a pass, best seconds a pass.
// PACKAGE: pieces of 16 KiB, decoded by a streaming TextDecoder, as the package's users do.
// PACKAGE-decoded: the same pieces as strings that were decoded before.
import { readFileSync } from 'node:fs'

const PIECE = 16384, ROUNDS = 7, ROUND_SECONDS = 0.12
const [name, ...paths] = process.argv.slice(2)
const { createParser } = await import(name)

function bestOf(run) {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    let passes = 0, taken = 0
    do {
      run()
      passes++
      taken = (performance.now() - start) / 1e3
    } while (taken < ROUND_SECONDS)
    best = Math.min(best, taken / passes)
  }
  return best
}

for (const path of paths) {
  const bytes = readFileSync(path)
  const pieces = []
  for (let at = 0; at < bytes.length; at += PIECE) pieces.push(bytes.subarray(at, at + PIECE))
  const decoder = new TextDecoder()
  const strings = pieces.map((piece) => decoder.decode(piece, { stream: true }))
  let events = 0, length = 0
  const parser = createParser({
    onEvent(ev) {
      events++
      length += ev.data.length + (ev.event ?? '').length + (ev.id ?? '').length
    },
  })
  const report = (what, best) => {
    console.log([path, what, events, bytes.length, best.toFixed(9)].join('\t'))
  }
  report(name, bestOf(() => {
    const streaming = new TextDecoder()
    events = 0
    parser.reset()
    for (const piece of pieces) parser.feed(streaming.decode(piece, { stream: true }))
  }))
  report(name + '-decoded', bestOf(() => {
    events = 0
    parser.reset()
    for (const string of strings) parser.feed(string)
  }))
  if (length === 0) throw new Error('nothing was read')
}
