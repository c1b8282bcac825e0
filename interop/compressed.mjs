// Compressed streams with other people's decoders. A client requests the next event each time it
// has received one, so no event may wait in a buffer for the next.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { check, luaServer, within } from './lib.mjs';

const STEPS = 80; // more bytes than a block can refer back to
export const MODES = ['shared', 'window'];

async function next(url) {
  return (await fetch(url, { method: 'POST' })).json();
}

function checkStats(stats, mode) {
  assert.equal(stats.streams, 1);
  assert.equal(stats.streams_with_window, mode === 'window' ? 1 : 0);
}

async function ofEventSource(url, mode) {
  const source = new EventSource(`${url}?compress=${mode}`);
  let last = 0;
  await within(new Promise((resolve, reject) => {
    source.addEventListener('step', (event) => {
      const { n, text } = JSON.parse(event.data);
      if (n !== last + 1 || text !== `Zürich 東京 ${'x'.repeat(n)}`) reject(new Error(event.data));
      last = n;
      if (n === STEPS) resolve();
      else next(url).then((stats) => checkStats(stats, mode)).catch(reject);
    });
  }), 'the last event');
  source.close();
  return `${last} events`;
}

// By undici, in each coding; the response ends without an error only with the right trailer.
async function ofFetch(url, mode, coding) {
  const headers = { 'Accept-Encoding': coding };
  const response = await fetch(`${url}?compress=${mode}`, { headers });
  assert.equal(response.headers.get('content-encoding'), coding);
  assert.equal(response.headers.get('vary'), 'Accept-Encoding');
  let last = 0;
  const parser = createParser({ onEvent: (event) => { last = JSON.parse(event.data).n; } });
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const before = last;
    parser.feed(piece);
    if (last === before) continue;
    assert.equal(last, before + 1);
    await (last < STEPS ? next(url) : fetch(url, { method: 'DELETE' }));
  }
  assert.equal(last, STEPS);
  return `${last} events, and a clean end`;
}

async function ofCurl(url, mode) {
  const child = spawn('curl', ['-sN', '--compressed', `${url}?compress=${mode}`]);
  let output = '';
  let last = 0;
  const status = await within(new Promise((resolve, reject) => {
    child.stdout.on('data', (piece) => {
      output += piece;
      const n = output.split('\n\n').length - 1;
      if (n === last) return;
      last = n;
      (n < STEPS ? next(url) : fetch(url, { method: 'DELETE' })).catch(reject);
    });
    child.on('error', reject);
    child.on('close', resolve);
  }), 'curl');
  assert.equal(status, 0);
  assert.equal(last, STEPS);
  return `${last} events, and a clean end`;
}

// The bytes as they are on the wire, without the chunks.
async function ofGzip(url, mode) {
  const folder = mkdtempSync(join(tmpdir(), 'lua-sse-'));
  const file = join(folder, 'body.gz');
  const child = spawn('curl', ['-sN', '-H', 'Accept-Encoding: gzip', '-o', file,
    `${url}?compress=${mode}`]);
  const ended = new Promise((resolve) => { child.on('close', resolve); });
  let stats;
  do stats = await next(url).catch(() => ({})); while (stats.streams !== 1);
  await fetch(url, { method: 'DELETE' });
  assert.equal(await within(ended, 'curl'), 0);
  execFileSync('gzip', ['-t', file]);
  rmSync(folder, { recursive: true });
  return 'gzip -t finds it whole';
}

// Runs in the page.
function collect({ url, mode, steps }) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`${url}?compress=${mode}`);
    let last = 0;
    let stats = [];
    source.onerror = () => reject(new Error(`an error after event ${last}`));
    source.addEventListener('step', async (event) => {
      const { n } = JSON.parse(event.data);
      if (n !== last + 1) reject(new Error(`${n} after ${last}`));
      last = n;
      if (n < steps) {
        stats = await (await fetch(url, { method: 'POST' })).json();
        return;
      }
      source.close();
      resolve({ last, stats });
    });
  });
}

export async function compressedInPage(page, url) {
  for (const mode of MODES) {
    const got = await page.evaluate(collect,
      { url: `${url}/steps/page-${mode}`, mode, steps: STEPS });
    assert.equal(got.last, STEPS);
    checkStats(got.stats, mode);
  }
  return `${STEPS} events, each at once, ${MODES.join(' and ')}`;
}

export async function compressed() {
  const server = await luaServer();
  for (const mode of MODES) {
    const at = (name) => `${server.url}/steps/${name}-${mode}`;
    await check(`eventsource: compressed, ${mode}`, () => ofEventSource(at('source'), mode));
    for (const coding of ['gzip', 'deflate']) {
      await check(`undici: ${coding}, ${mode}`, () => ofFetch(at(coding), mode, coding));
    }
    await check(`curl --compressed: ${mode}`, () => ofCurl(at('curl'), mode));
    await check(`gzip: ${mode}`, () => ofGzip(at('gzip'), mode));
  }
  await server.stop();
}
