// Our server behind nginx, HAProxy and Caddy, with the settings of docs/production.md: the
// visitor's address, scheme and host are right, also where the visitor forges them; events come at
// once; a visitor who leaves is noticed; and an EventSource outlives a server that is away.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { EventSource } from 'eventsource';
import { startBrowser } from './browser.mjs';
import { makeCertificates } from './certs.mjs';
import { check, daemon, freePort, proxiedServer, until, within } from './lib.mjs';

const HOST = 'app.example';
// Elsewhere than Linux only 127.0.0.1 is an address of the loopback.
const LINUX = process.platform === 'linux';
const VISITOR = LINUX ? '127.0.0.5' : '127.0.0.1';
const OTHER = '127.0.0.6';
const FORGED = {
  'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Proto': 'ftp', 'X-Forwarded-Host': 'evil.test',
  Forwarded: 'for=6.6.6.6;proto=http;host=evil.test',
};

const page = readFileSync(new URL('../docs/production.md', import.meta.url), 'utf8');

// The n-th block of the page in that language.
function block(language, n = 0) {
  const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
  return blocks.filter((found) => found[1] === language)[n][2];
}

// The text with each of the replacements, all of which it must have.
function replaced(text, replacements) {
  let result = text;
  for (const [from, to] of Object.entries(replacements)) {
    assert.ok(result.includes(from), `the page has no '${from}'`);
    result = result.replaceAll(from, to);
  }
  return result;
}

// --- proxies -------------------------------------------------------------------------------------

// Each starts a proxy before the server and returns what ends it.
const starts = {
  nginx(at, port, upstream, changes = {}) {
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${at.path(`nginx-${name}`)};`).join('\n');
    writeFileSync(at.path('app.conf'), replaced(block('nginx'), {
      'listen 443': `listen 127.0.0.1:${port}`, 'server 127.0.0.1:9522': `server ${upstream}`,
      '/etc/ssl/app.pem': at.certs.path('good.pem'), '/etc/ssl/app.key': at.certs.path('good.key'),
      ...changes,
    }));
    writeFileSync(at.path('nginx.conf'), `daemon off; master_process off;
      pid ${at.path('nginx.pid')}; error_log stderr crit; events {}
      http { access_log off; ${folders} include ${at.path('app.conf')}; }`);
    return daemon('nginx', ['-p', at.dir, '-c', at.path('nginx.conf')], port);
  },

  haproxy(at, port, upstream, n = 0, changes = {}) {
    const pem = at.path('app-and-key.pem');
    const pair = ['pem', 'key'].map((kind) => readFileSync(at.certs.path(`good.${kind}`)));
    writeFileSync(pem, Buffer.concat(pair));
    const away = at.path('away.http');
    writeFileSync(away, block('http').replaceAll('\n', '\r\n'));
    const here = {
      ':443': `127.0.0.1:${port}`, '/etc/ssl/app-and-key.pem': pem,
      [n === 0 ? '127.0.0.1:9522' : '127.0.0.1:9523']: upstream, ...changes,
    };
    if (n === 0) here['/etc/haproxy/away.http'] = away;
    writeFileSync(at.path('haproxy.cfg'), replaced(block('haproxy', n), here));
    return daemon('haproxy', ['-db', '-f', at.path('haproxy.cfg')], port);
  },

  caddy(at, port, upstream) {
    writeFileSync(at.path('Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${
      replaced(block('caddy'), {
        'app.example {': `https://app.example:${port} {\n\tbind 127.0.0.1`,
        '127.0.0.1:9522': upstream,
        '/etc/ssl/app.pem': at.certs.path('good.pem'),
        '/etc/ssl/app.key': at.certs.path('good.key'),
      })}`);
    const env = { ...process.env, HOME: at.dir, XDG_DATA_HOME: at.dir, XDG_CONFIG_HOME: at.dir };
    return daemon('caddy', ['run', '--adapter', 'caddyfile', '--config', at.path('Caddyfile')],
      port, env);
  },
};

// --- visitors ------------------------------------------------------------------------------------

// Gives the response to a request from an address to the proxy at the port.
function ask(at, port, path, { from = VISITOR, headers = {}, host = HOST } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.get({
      host: '127.0.0.1', port, path, localAddress: from, ca: readFileSync(at.certs.path('ca.pem')),
      servername: HOST, headers: { Host: `${host}:${port}`, ...headers }, agent: false,
    }, resolve);
    request.on('error', reject);
  });
}

async function text(response) {
  let all = '';
  for await (const piece of response.setEncoding('utf8')) all += piece;
  return all;
}

async function json(...request) {
  const response = await ask(...request);
  const body = await text(response);
  assert.equal(response.statusCode, 200, body);
  return JSON.parse(body);
}

// Opens the stream, and waits for its event.
async function stream(at, port, options) {
  const response = await ask(at, port, '/stream', options);
  let all = '';
  response.setEncoding('utf8').on('data', (piece) => { all += piece; }).on('error', () => {});
  const found = await until(() => all.match(/^event: who\ndata: (.*)$/m), 'the first event');
  return { who: JSON.parse(found[1]), response, leave: () => response.destroy(), all: () => all };
}

function isVisitor(who, port, address = VISITOR) {
  const { scheme, secure, host } = who;
  assert.deepEqual({ address: who.address, scheme, secure, host },
    { address, scheme: 'https', secure: true, host: `${HOST}:${port}` });
}

// --- checks --------------------------------------------------------------------------------------

async function checkVisitor(at, port) {
  const who = await json(at, port, '/who');
  isVisitor(who, port);
  isVisitor(await json(at, port, '/who', { headers: FORGED }), port);
  if (LINUX) isVisitor(await json(at, port, '/who', { from: OTHER }), port, OTHER);
  const twice = { ...FORGED, 'X-Forwarded-For': ['6.6.6.6', '127.0.0.1', '"6.6.6.6'] };
  isVisitor(await json(at, port, '/who', { headers: twice }), port);
  const { seen } = await json(at, port, '/seen');
  const lines = seen.filter((line) => line.startsWith('/who'));
  const expected = new Set([`/who ${VISITOR}`, ...(LINUX ? [`/who ${OTHER}`] : [])]);
  assert.deepEqual(new Set(lines), expected);
  return `${who.address}, ${who.host} by ${who.scheme}, ${who.protocol} to the server`;
}

async function checkStream(at, port) {
  const open = await stream(at, port);
  isVisitor(open.who, port);
  // More than one heartbeat comes through, so the proxy holds nothing back.
  await until(() => open.all().split('\n:').length > 2, 'two heartbeats');
  open.leave();
  await until(async () => (await json(at, port, '/seen')).streams === 0, 'the end of the stream');
}

async function checkLimit(at, port) {
  const open = [];
  for (let i = 0; i < 3; i += 1) open.push(await stream(at, port));
  const accept = { headers: { Accept: 'text/event-stream' } };
  const refused = await ask(at, port, '/stream', accept);
  assert.equal(refused.statusCode, 200);
  assert.match(await text(refused), /^: too many connections\nretry: \d+\n\n$/);
  if (LINUX) isVisitor(await json(at, port, '/who', { from: OTHER }), port, OTHER);
  open.forEach((each) => each.leave());
  await until(async () => {
    const response = await ask(at, port, '/seen');
    return response.statusCode === 200 && JSON.parse(await text(response)).streams === 0;
  }, 'the end of the streams');
}

// HTTP/2 goes through a proxy of connections as it is.
async function checkHttp2(at, port) {
  const session = http2.connect(`https://${HOST}:${port}`, {
    createConnection: () => tls.connect({
      host: '127.0.0.1', port, localAddress: VISITOR, servername: HOST, ALPNProtocols: ['h2'],
      ca: readFileSync(at.certs.path('ca.pem')),
    }),
  });
  const who = JSON.parse(await text(session.request({ ':path': '/who' })));
  session.close();
  isVisitor(who, port);
  assert.equal(who.protocol, 'HTTP/2');
}

// By the server's 421, or by the proxy: Caddy has an empty 200 for hosts that it does not know.
async function checkHost(at, port) {
  const response = await ask(at, port, '/who', { host: 'evil.test' });
  const body = await text(response);
  assert.ok(response.statusCode === 421 || body === '', body);
  return `${response.statusCode}`;
}

// The server goes away and comes back: an EventSource of npm, which gives up at any status but 200
// as a browser does, gets an event of each life.
async function checkAway(at, port, server) {
  const agent = (url, init) => within(fetchThrough(at, port, url, init), 'a response');
  const source = new EventSource(`https://${HOST}:${port}/stream`, { fetch: agent });
  const lives = [];
  let failures = 0;
  source.addEventListener('who', (event) => lives.push(JSON.parse(event.data)));
  source.onerror = () => { failures += 1; };
  await until(() => lives.length === 1, 'the first event');
  await server.stop();
  await until(() => failures >= 3, 'attempts while the server is away');
  assert.notEqual(source.readyState, source.CLOSED);
  const gone = await ask(at, port, '/who');
  await text(gone);
  assert.ok([502, 503].includes(gone.statusCode), `${gone.statusCode} while the server is away`);
  const again = await server.again();
  await until(() => lives.length === 2, 'an event after the restart');
  source.close();
  isVisitor(lives[1], port);
  return [again, `${failures} failures, then an event; others got a ${gone.statusCode}`];
}

// What `eventsource` needs of fetch, from the visitor's address. `retry:` is shortened, so that the
// check takes no three seconds each time.
async function fetchThrough(at, port, url, init) {
  const response = await ask(at, port, new URL(url).pathname, { headers: { ...init.headers } });
  init.signal?.addEventListener('abort', () => response.destroy());
  const body = new ReadableStream({
    start(controller) {
      response.on('data', (piece) => controller.enqueue(
        Buffer.from(piece.toString().replace('retry: 3000', 'retry: 30'))));
      response.on('end', () => controller.close());
      response.on('error', (error) => controller.error(error));
    },
    cancel() { response.destroy(); },
  });
  return {
    body, url, status: response.statusCode, redirected: false,
    headers: new Headers({ 'content-type': response.headers['content-type'] ?? '' }),
  };
}

// In the page: opens a stream, and notes its events and the state after each error.
function watch() {
  const source = new EventSource('/stream');
  window.seen = { events: 0, states: [] };
  source.addEventListener('who', () => { window.seen.events += 1; });
  source.onerror = () => window.seen.states.push(source.readyState);
}

// A page in Chromium, whose server goes away and comes back. With a 502 its EventSource is closed
// for good; the page's settings keep it.
async function inChromium(at, browser, changes) {
  const [port, own, proxied] = [await freePort(), await freePort(), await freePort()];
  const path = at.path('app.sock');
  let server = await proxiedServer(own, proxied, path);
  const end = await starts.nginx(at, port, `127.0.0.1:${own}`, changes);
  const tab = await (await browser.newContext()).newPage();
  const seen = () => tab.evaluate('window.seen');
  await tab.goto(`https://${HOST}:${port}/health`);
  await tab.evaluate(watch);
  await until(async () => (await seen()).events === 1, 'the first event');
  await server.stop();
  await until(async () => (await seen()).states.length >= 2, 'two errors');
  const { states } = await seen();
  server = await proxiedServer(own, proxied, path);
  if (states[1] === 0) await until(async () => (await seen()).events === 2, 'an event');
  await tab.close();
  await end();
  await server.stop();
  return states[1];
}

async function checkChromium(at) {
  const browser = await startBrowser('--host-resolver-rules=MAP app.example 127.0.0.1',
    `--ignore-certificate-errors-spki-list=${at.certs.pin('good')}`);
  if (!browser) return;
  await check('Chromium behind nginx: its EventSource outlives a server that is away', async () => {
    assert.equal(await inChromium(at, browser, {}), 0);
  });
  await check('Chromium behind nginx: a plain 502 closes it for good', async () => {
    assert.equal(await inChromium(at, browser, { 'error_page 502 504 = @away;': '' }), 2);
  });
  await browser.close();
}

// --- all of it -----------------------------------------------------------------------------------

function workplace() {
  const dir = mkdtempSync(join(tmpdir(), 'lua-sse-proxies-'));
  chmodSync(dir, 0o755); // nginx's workers may be another user
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  return { dir, path: (name) => join(dir, name), certs: makeCertificates() };
}

async function behind(name, start, at, { unix, proxyProtocol, env = {} } = {}) {
  const ports = [await freePort(), await freePort(), await freePort()];
  const [port, own, proxied] = ports;
  let server = await proxiedServer(own, proxied, at.path('app.sock'), env);
  const upstream = unix ? `unix:${at.path('app.sock')}`
    : `127.0.0.1:${proxyProtocol ? proxied : own}`;
  const end = await start(at, port, upstream);
  await check(`${name}: who the visitor is`, () => checkVisitor(at, port));
  await check(`${name}: events at once, and who leaves is noticed`, () => checkStream(at, port));
  await check(`${name}: the limit of an address is the visitor's`, () => checkLimit(at, port));
  await check(`${name}: another host`, () => checkHost(at, port));
  if (proxyProtocol) {
    await check(`${name}: HTTP/2`, () => checkHttp2(at, port));
  } else {
    server.again = () => proxiedServer(own, proxied, at.path('app.sock'));
    await check(`${name}: an EventSource while the server is away`, async () => {
      const [again, detail] = await checkAway(at, port, server);
      server = again;
      return detail;
    });
  }
  await end();
  await server.stop();
}

// Without trusted_proxies nothing that the proxy says counts.
async function untrusted(at) {
  const [port, own] = [await freePort(), await freePort()];
  const server = await proxiedServer(own, 0, at.path('app.sock'), { TRUST: 'no' });
  const end = await starts.nginx(at, port, `127.0.0.1:${own}`);
  await check('nginx, not trusted: the visitor is the proxy', async () => {
    const { address, scheme } = await json(at, port, '/who');
    assert.deepEqual([address, scheme], ['127.0.0.1', 'http']);
  });
  await end();
  await server.stop();
}

export async function proxies() {
  const at = workplace();
  await behind('nginx', starts.nginx, at);
  await behind('nginx, a Unix socket', starts.nginx, at, { unix: true });
  await untrusted(at);
  await behind('HAProxy', starts.haproxy, at);
  const h2 = (...to) => starts.haproxy(...to, 0, { 'check\n': 'check proto h2\n',
    'track app/app1': 'track app/app1 proto h2' });
  await behind('HAProxy, HTTP/2 to the server', h2, at);
  const tcp = (changes) => (...to) => starts.haproxy(...to, 1, changes);
  const proxyProtocol = true;
  await behind('HAProxy, PROXY version 2 with TLS', tcp({}), at, { proxyProtocol });
  const ownTls = { proxyProtocol,
    env: { CERT: at.certs.path('good.pem'), KEY: at.certs.path('good.key') } };
  const bind = ` ssl crt ${at.path('app-and-key.pem')} alpn h2,http/1.1`;
  for (const [version, keyword] of [[1, 'send-proxy'], [2, 'send-proxy-v2']]) {
    const changes = { 'send-proxy-v2-ssl': keyword, [bind]: '' };
    await behind(`HAProxy, PROXY version ${version}, TLS behind it`, tcp(changes), at, ownTls);
  }
  await behind('Caddy', starts.caddy, at);
  await checkChromium(at);
}
