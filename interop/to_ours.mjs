// Other people's clients with our server: npm's eventsource, eventsource-parser over fetch, curl.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { check, luaServer, until, within } from './lib.mjs';

// The ids are those of the events themselves: npm's eventsource, unlike browsers, has no
// lastEventId for an event without an id.
const KINDS = [
  { type: 'message', data: 'plain', id: '' },
  { type: 'message', data: 'two\nlines\n', id: '' },
  { type: 'named', data: { text: 'Zürich 東京 🎈', n: 1.5 }, id: '1' },
  { type: 'message', data: '', id: '2' },
  { type: 'message', data: ' leading space, and: colons', id: '' },
  { type: 'end', data: 'bye', id: '' },
];

function decoded(event) {
  return event.type === 'named' ? { ...event, data: JSON.parse(event.data) } : event;
}

async function sourceKinds(url) {
  const source = new EventSource(`${url}/kinds`);
  const seen = [];
  await within(new Promise((resolve) => {
    for (const type of ['message', 'named', 'end']) {
      source.addEventListener(type, (event) => {
        seen.push(decoded({ type, data: event.data, id: event.lastEventId }));
        if (type === 'end') resolve();
      });
    }
  }), 'the event `end`');
  source.close();
  assert.deepEqual(seen, KINDS);
  return `${seen.length} events`;
}

async function sourceReconnects(url) {
  const source = new EventSource(`${url}/count`);
  const seen = [];
  let opened = 0;
  source.addEventListener('open', () => { opened += 1; });
  source.addEventListener('tick', (event) => {
    seen.push({ ...JSON.parse(event.data), id: event.lastEventId });
  });
  const code = await within(new Promise((resolve) => {
    source.addEventListener('error', (event) => {
      if (source.readyState === EventSource.CLOSED) resolve(event.code);
    });
  }), 'the 204 that ends it');
  assert.deepEqual(seen.map((tick) => tick.n), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(seen.map((tick) => tick.last), ['', '', '', '3', '3', '3', '6', '6', '6']);
  assert.deepEqual(seen.map((tick) => tick.id), seen.map((tick) => String(tick.n)));
  assert.equal(opened, 3);
  assert.equal(code, 204);
  return `${seen.length} events over ${opened} connections, ended by ${code}`;
}

async function sourceLeaves(url) {
  const left = async () => Number(await (await fetch(`${url}/left`)).text());
  const before = await left();
  const source = new EventSource(`${url}/live`);
  await within(new Promise((resolve) => { source.addEventListener('tick', resolve); }), 'a tick');
  source.close();
  await until(async () => await left() === before + 1, 'the server to notice');
  return 'the stream was closed on the server';
}

async function parse(response) {
  const events = [];
  const comments = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onComment: (text) => comments.push(text),
  });
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) parser.feed(piece);
  return { events, comments };
}

async function parserKinds(url) {
  const response = await fetch(`${url}/kinds`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal(response.headers.get('cache-control'), 'no-cache, no-transform');
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  const { events, comments } = await parse(response);
  const got = events.map(({ event, data, id }) => {
    return decoded({ type: event ?? 'message', data, id: id ?? '' });
  });
  assert.deepEqual(got, KINDS);
  assert.deepEqual(comments.map((text) => text.trim()), ['a comment']);
  return `${events.length} events, ${comments.length} comment`;
}

async function parserPost(url) {
  const response = await fetch(`${url}/say`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'héllo wide world' }),
  });
  const { events } = await parse(response);
  const words = events.slice(0, -1).map((event) => JSON.parse(event.data).content);
  assert.deepEqual(words, ['héllo', 'wide', 'world']);
  assert.equal(events.at(-1).data, '[DONE]');
  return `${events.length} events`;
}

// Returns what curl has printed once look(output) is true, or at its end without `look`.
function curl(args, look) {
  return within(new Promise((resolve, reject) => {
    const child = spawn('curl', ['--silent', '--show-error', '--no-buffer', ...args]);
    let output = '';
    child.stdout.on('data', (piece) => {
      output += piece;
      if (look && look(output)) child.kill();
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  }), 'curl');
}

async function curlKinds(url, version) {
  const output = await curl([`--http${version}`, '--include', `${url}/kinds`]);
  const [head, ...body] = output.split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.[01] 200 /);
  assert.match(head, /\r\nContent-Type: text\/event-stream/i);
  assert.equal(/transfer-encoding: chunked/i.test(head), version === '1.1');
  const blocks = body.join('').trimEnd().split('\n\n');
  assert.ok(blocks.includes('data: plain'), output);
  assert.equal(blocks.at(-1), 'event: end\ndata: bye');
  return `${blocks.length} blocks`;
}

// The first events come while the stream is open, which never ends by itself.
async function curlLive(url, version) {
  const output = await curl([`--http${version}`, `${url}/live`],
    (text) => text.split('\n\n').length > 3);
  assert.ok(output.split('\n\n').length > 3, `curl ended early: ${output}`);
  return 'events as they happen';
}

export async function toOurs() {
  const server = await luaServer();
  const { url } = server;
  await check('eventsource: every kind of event', () => sourceKinds(url));
  await check('eventsource: reconnects with Last-Event-ID', () => sourceReconnects(url));
  await check('eventsource: close() is noticed', () => sourceLeaves(url));
  await check('eventsource-parser: every kind of event', () => parserKinds(url));
  await check('eventsource-parser: the response to a POST', () => parserPost(url));
  for (const version of ['1.1', '1.0']) {
    await check(`curl: HTTP/${version}, a whole stream`, () => curlKinds(url, version));
    await check(`curl: HTTP/${version}, a live stream`, () => curlLive(url, version));
  }
  await check('the server ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
}
