// Our client with other people's servers: Node's http, and better-sse on top of it.
import assert from 'node:assert/strict';
import http from 'node:http';
import zlib from 'node:zlib';
import better from 'better-sse';
import { check, closed, listening, luaClient } from './lib.mjs';

const HEAD = { 'Content-Type': 'text/event-stream' };

// A byte order mark, all three line ends, a comment, an unknown field, half an event at the end.
const NASTY = Buffer.from([
  '\uFEFFdata: one\r\n\r\ndata: two\rdata: lines\r\r: comment\n\n',
  'event: named\nid: ä1\ndata:{"text":"東京 🎈"}\nunknown: x\n\n',
  'event: end\ndata\n\nid: never\ndata: half',
].join(''));

function only(lines, what) {
  return lines.filter((line) => line.on === what);
}

function events(lines) {
  return only(lines, 'event').map(({ type, data, id }) => [type, data, id]);
}

// Writes each byte by itself, in a turn of its own.
async function writeBytes(res, bytes) {
  for (const byte of bytes) {
    await new Promise((resolve) => res.write(Buffer.of(byte), resolve));
  }
}

const routes = {
  async '/bytes'(req, res) {
    res.writeHead(200, HEAD).flushHeaders();
    await writeBytes(res, NASTY);
    res.end();
  },
  '/gzip'(req, res) {
    assert.match(req.headers['accept-encoding'] ?? '', /gzip/);
    res.writeHead(200, { ...HEAD, 'Content-Encoding': 'gzip' });
    const gzip = zlib.createGzip();
    gzip.pipe(res);
    gzip.write(NASTY);
    gzip.flush();
  },
  // The connection breaks off within an event; 204 after the sixth event.
  '/breaks'(req, res) {
    const last = Number(req.headers['last-event-id'] ?? 0);
    if (last >= 6) return res.writeHead(204).end();
    res.writeHead(200, HEAD).write('retry: 20\n\n');
    const [a, b] = [last + 1, last + 2];
    const bytes = `id: ${a}\ndata: ${a}\n\nid: ${b}\ndata: ${b}\n\nid: 99\ndata: cut`;
    return res.write(bytes, () => res.socket.destroy());
  },
  '/away'(req, res) { res.writeHead(307, { Location: '/bytes' }).end(); },
  '/refused'(req, res) { res.writeHead(503, { 'Content-Type': 'text/plain' }).end('not now'); },
  async '/say'(req, res) {
    let body = '';
    for await (const piece of req) body += piece;
    assert.equal(req.headers['content-type'], 'application/json');
    res.writeHead(200, HEAD);
    for (const content of JSON.parse(body).text.split(' ')) {
      res.write(`data: ${JSON.stringify({ content })}\n\n`);
    }
    res.end('data: [DONE]\n\n');
  },
};

async function serve(req, res) {
  try {
    await routes[new URL(req.url, 'http://x').pathname](req, res);
  } catch (error) {
    res.writeHead(500, { 'Content-Type': 'text/plain' }).end(String(error));
  }
}

async function checkNasty(url, path) {
  const lines = await luaClient('source', url + path);
  assert.deepEqual(events(lines), [
    ['message', 'one', ''], ['message', 'two\nlines', ''],
    ['named', '{"text":"東京 🎈"}', 'ä1'], ['end', '', 'ä1'],
  ]);
  assert.deepEqual([...new Set(only(lines, 'event').map((line) => line.origin))], [url]);
  assert.equal(only(lines, 'open').length, 1);
  assert.equal(only(lines, 'error').length, 0);
  assert.deepEqual(lines.at(-1), { on: 'over', state: 2 });
  return `${only(lines, 'event').length} events`;
}

async function checkBreaks(url) {
  const lines = await luaClient('source', `${url}/breaks`);
  assert.deepEqual(events(lines).map(([, data, id]) => [data, id]),
    ['1', '2', '3', '4', '5', '6'].map((n) => [n, n]));
  assert.deepEqual(only(lines, 'error').map((line) => line.state), [0, 0, 0, 2]);
  assert.equal(only(lines, 'error').at(-1).status, 204);
  return '6 events over 3 connections, ended by 204';
}

async function checkRefused(url) {
  const lines = await luaClient('source', `${url}/refused`);
  assert.equal(lines.length, 2);
  assert.equal(lines[0].on, 'error');
  assert.equal(lines[0].state, 2);
  assert.equal(lines[0].status, 503);
  return 'one error, closed';
}

async function checkPost(url) {
  const lines = await luaClient('fetch', `${url}/say`, 'héllo wide world');
  assert.equal(lines[0].status, 200);
  assert.deepEqual(only(lines, 'event').map((line) => line.data), ['héllo', 'wide', 'world']);
  return '3 events';
}

// Two events a session, then the server ends it; the client comes back with its last id.
async function serveBetter(req, res) {
  const session = await better.createSession(req, res, { retry: 20 });
  const last = Number(session.lastId || 0);
  session.push({ n: last + 1, last: session.lastId }, 'tick', String(last + 1));
  session.push({ n: last + 2, text: 'two\nlines' }, 'tick', String(last + 2));
  if (last + 2 >= 6) session.push('bye', 'end', 'fin');
  setImmediate(() => res.end());
}

async function checkBetter(url) {
  const lines = await luaClient('source', url);
  const ticks = only(lines, 'event').filter((line) => line.type === 'tick');
  assert.deepEqual(ticks.map((line) => JSON.parse(line.data).n), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(ticks.map((line) => line.id), ['1', '2', '3', '4', '5', '6']);
  assert.deepEqual(ticks.map((line) => JSON.parse(line.data).last),
    ['', undefined, '2', undefined, '4', undefined]);
  assert.equal(JSON.parse(ticks[1].data).text, 'two\nlines');
  const end = only(lines, 'event').at(-1);
  assert.deepEqual([end.type, end.data, end.id], ['end', '"bye"', 'fin']);
  return '6 events over 3 sessions';
}

export async function fromTheirs() {
  const node = await listening(http.createServer(serve));
  const { url } = node;
  await check('Node http: byte by byte, all line ends', () => checkNasty(url, '/bytes'));
  await check('Node http: through a redirect', () => checkNasty(url, '/away'));
  await check('Node http: gzip, flushed', () => checkNasty(url, '/gzip'));
  await check('Node http: breaks within an event', () => checkBreaks(url));
  await check('Node http: a 503 is for good', () => checkRefused(url));
  await check('Node http: sse.fetch with a JSON body', () => checkPost(url));
  await closed(node);
  const better = await listening(http.createServer(serveBetter));
  await check('better-sse: sessions that end', () => checkBetter(better.url));
  await closed(better);
}
