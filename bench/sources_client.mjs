// sources_client.lua with npm's eventsource.
// usage: node --expose-gc sources_client.mjs URL COUNT SECONDS
import { readFileSync } from 'node:fs'
import { EventSource } from 'eventsource'

const [url, count, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
let heard = 0, opened = 0, wanted = 0, reached = () => {}

function memory() {
  gc()
  gc()
  return 1024 * Number(/\nPss:\s*(\d+) kB/.exec(readFileSync('/proc/self/smaps_rollup'))[1])
}

async function say() {
  await (await fetch(url + '/say', { method: 'POST' })).arrayBuffer()
}

await say()
const before = memory(), start = performance.now(), sources = []
await new Promise((open) => {
  for (let i = 0; i < count; i++) {
    const source = new EventSource(url + '/events')
    source.onopen = () => { if (++opened === count) open() }
    source.onerror = (ev) => { throw new Error(ev.message) }
    source.addEventListener('tick', () => { if (++heard === wanted) reached() })
    sources.push(source)
  }
})
const toOpen = (performance.now() - start) / 1e3
const each = (memory() - before) / count
const began = performance.now()
while (performance.now() - began < seconds * 1e3) {
  wanted += count
  const all = new Promise((resolve) => { reached = resolve })
  await say()
  await all
}
const took = (performance.now() - began) / 1e3
console.log([count, toOpen.toFixed(3), each.toFixed(0), heard, took.toFixed(3)].join('\t'))
process.exit(0)
