// Our client over TLS, HTTP/2 and proxies that are not ours: Node's https and http2, nginx,
// tinyproxy, with certificates made on the spot.
import assert from 'node:assert/strict';
import { writeFileSync, readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import zlib from 'node:zlib';
import { makeCertificates } from './certs.mjs';
import { check, daemon, freePort, lua, until, within } from './lib.mjs';

const HEAD = { 'content-type': 'text/event-stream' };

function trusting(certs) {
  return { tls: { ca: certs.path('ca.pem') } };
}

function pair(certs, name) {
  const read = (kind) => readFileSync(certs.path(`${name}.${kind}`));
  return { key: read('key'), cert: read('pem') };
}

async function listen(server) {
  server.sockets = new Set();
  server.accepted = 0;
  server.on('connection', (socket) => {
    server.accepted += 1;
    server.sockets.add(socket);
    socket.on('close', () => server.sockets.delete(socket)).on('error', () => {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.port = server.address().port;
  return server;
}

function stop(server) {
  for (const socket of server.sockets) socket.destroy();
  server.close();
}

async function ask(url, options = {}, more = {}) {
  const client = lua('interop/transport.lua', JSON.stringify({
    url, options: { retryInterval: 20, ...options }, ...more }));
  assert.equal(await within(client.ended, 'the Lua client'), 0);
  return client.lines.map((line) => JSON.parse(line));
}

const only = (lines, what) => lines.filter((line) => line.on === what);
const failures = (lines) => only(lines, 'error').map((line) => [line.code, line.state]);
const data = (lines) => only(lines, 'event').map((line) => line.data);

// Three events and the end, over two connections; cut(res) ends the first one.
function counter(cut) {
  return (req, res) => {
    const last = Number(req.headers['last-event-id'] ?? 0);
    res.writeHead(200, HEAD);
    const first = 'id: 1\ndata: 1\n\nid: 2\ndata: 2\n\ndata: ha';
    if (last === 0) return res.write(first, () => cut(res));
    return res.end('id: 3\ndata: 3\n\nevent: end\ndata: bye\n\n');
  };
}

const cutOff = (res) => res.socket.destroy();

async function checkNodeHttps(certs) {
  const server = await listen(https.createServer(pair(certs, 'good'), counter(cutOff)));
  const lines = await ask(`https://127.0.0.1:${server.port}/`, trusting(certs));
  stop(server);
  assert.deepEqual(data(lines), ['1', '2', '3', 'bye']);
  assert.deepEqual(only(lines, 'error').map((line) => line.state), [0]);
  const [{ protocol, tls }] = only(lines, 'open');
  assert.equal(protocol, 'HTTP/1.1');
  assert.match(tls.version ?? 'TLSv1.3', /^TLSv1\.[23]$/);
  return `${protocol}, ${tls.version}, ${tls.cipher}`;
}

async function checkNodeHttp2(certs) {
  const server = await listen(http2.createSecureServer(pair(certs, 'good'),
    counter((res) => res.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR))));
  const lines = await ask(`https://127.0.0.1:${server.port}/`, trusting(certs));
  const connections = server.accepted;
  stop(server);
  assert.deepEqual(data(lines), ['1', '2', '3', 'bye']);
  assert.deepEqual(failures(lines), [['ECONNRESET', 0]]);
  assert.equal(only(lines, 'open')[0].protocol, 'HTTP/2');
  return `HTTP/2, a reset stream, ${connections} connection(s)`;
}

async function checkShared(certs) {
  const open = [];
  const server = await listen(http2.createSecureServer(pair(certs, 'good'), (req, res) => {
    res.writeHead(200, HEAD);
    res.write(': all are open before the first ends\n\n');
    open.push(res);
    if (open.length === 20) open.forEach((each) => each.end('event: end\ndata: x\n\n'));
  }));
  const lines = await ask(`https://127.0.0.1:${server.port}/`, trusting(certs),
    { count: 20 });
  const connections = server.accepted;
  stop(server);
  assert.equal(only(lines, 'event').length, 20);
  assert.equal(connections, 1);
  return '20 sources over one connection';
}

async function checkFallback(certs) {
  const server = await listen(https.createServer(pair(certs, 'good'), (req, res) => {
    res.writeHead(200, HEAD).end('event: end\ndata: x\n\n');
  }));
  const lines = await ask(`https://127.0.0.1:${server.port}/`,
    trusting(certs), { count: 5 });
  const strict = await ask(`https://127.0.0.1:${server.port}/`,
    { ...trusting(certs), httpVersion: '2' }, { errors: 1 });
  stop(server);
  assert.deepEqual(failures(strict), [['EPROTO', 0]]);
  assert.equal(only(lines, 'event').length, 5);
  assert.deepEqual([...new Set(only(lines, 'open').map((line) => line.protocol))], ['HTTP/1.1']);
}

async function checkPriorKnowledge() {
  const server = await listen(http2.createServer((req, res) => {
    res.writeHead(200, HEAD);
    res.end('event: end\ndata: x\n\n');
  }));
  const lines = await ask(`http://127.0.0.1:${server.port}/`, { httpVersion: '2-prior-knowledge' });
  stop(server);
  const [{ protocol, tls }] = only(lines, 'open');
  assert.deepEqual([protocol, tls], ['HTTP/2', undefined]);
}

async function checkCertificate(certs, name, ca) {
  const server = await listen(https.createServer(pair(certs, name), (req, res) => res.end()));
  const url = `https://127.0.0.1:${server.port}/`;
  const lines = await ask(url, ca ? trusting(certs) : {});
  assert.deepEqual(lines.map((line) => [line.on, line.code, line.state]),
    [['error', 'ECERT', 2], ['over', undefined, undefined]]);
  assert.equal(server.accepted, 1);
  stop(server);
  return lines[0].message;
}

async function checkUnverified(certs) {
  const handler = counter((res) => res.end());
  const server = await listen(https.createServer(pair(certs, 'expired'), handler));
  const lines = await ask(`https://127.0.0.1:${server.port}/`, { tls: { verify: false } });
  stop(server);
  assert.equal(data(lines).at(-1), 'bye');
}

async function checkClientCertificate(certs) {
  const options = { ...pair(certs, 'good'), requestCert: true, rejectUnauthorized: true,
    ca: readFileSync(certs.path('ca.pem')) };
  const server = await listen(https.createServer(options, (req, res) => {
    const { CN } = req.socket.getPeerCertificate().subject;
    res.writeHead(200, HEAD).end(`event: end\ndata: ${CN}\n\n`);
  }));
  const url = `https://127.0.0.1:${server.port}/`;
  const ca = certs.path('ca.pem');
  const own = { cert: certs.path('good.pem'), key: certs.path('good.key') };
  const lines = await ask(url, { tls: { ca, ...own } });
  assert.deepEqual(data(lines), ['good']);
  const without = await ask(url, { tls: { ca } });
  stop(server);
  assert.equal(only(without, 'open').length, 0);
  assert.deepEqual(only(without, 'error').slice(0, 2).map((line) => line.state), [0, 0]);
  return `without one: ${only(without, 'error')[0].code}`;
}

async function checkHandshake() {
  const server = await listen(net.createServer((socket) => {
    const alert = Buffer.from('15030100020228', 'hex'); // handshake_failure
    socket.once('data', () => socket.end(alert));
  }));
  const lines = await ask(`https://127.0.0.1:${server.port}/`);
  stop(server);
  assert.deepEqual(failures(lines).slice(0, 2),
    [['ETLS', 0], ['ETLS', 0]]);
}

async function checkCoding(coding, make) {
  const server = await listen(http.createServer((req, res) => {
    assert.match(req.headers['accept-encoding'], new RegExp(coding));
    res.writeHead(200, { ...HEAD, 'Content-Encoding': coding });
    const encoder = make();
    encoder.pipe(res);
    encoder.write('event: end\ndata: squeezed\n\n');
    encoder.flush(); // the stream stays open, so it must be decoded as it comes
  }));
  const lines = await ask(`http://127.0.0.1:${server.port}/`);
  stop(server);
  assert.deepEqual(data(lines), ['squeezed']);
}

// Closes a source at one stage; the server sees each connection close.
async function checkClose(certs, at, make) {
  const server = await listen(make(pair(certs, 'good'), (req, res) => {
    res.writeHead(200, HEAD);
    res.write('data: x\n\n');
  }));
  const lines = await ask(`https://127.0.0.1:${server.port}/`, trusting(certs),
    { close_at: at });
  await until(() => server.sockets.size === 0, 'the close');
  stop(server);
  assert.equal(only(lines, 'error').length, 0);
}

// nginx in front of an origin; returns its port and a function that ends it.
export async function nginx(certs, settings, listening, origin) {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${certs.dir}/nginx-${name};`).join('\n');
  writeFileSync(certs.path('nginx.conf'), `daemon off; master_process off;
    pid ${certs.path('nginx.pid')};
    error_log stderr error; events {} http { access_log off; ${temporary} server {
    listen 127.0.0.1:${port} ssl ${listening}; ${settings}
    ssl_certificate ${certs.path('good.pem')};
    ssl_certificate_key ${certs.path('good.key')};
    location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_buffering off; } } }`);
  return [port, await daemon('nginx', ['-p', certs.dir, '-c', certs.path('nginx.conf')], port)];
}

async function checkNginx(certs, protocol) {
  const origin = await listen(http.createServer(counter(cutOff)));
  const [port, end] = await nginx(certs, '', protocol === 'HTTP/2' ? 'http2' : '', origin);
  const lines = await ask(`https://localhost:${port}/`, trusting(certs));
  await end();
  stop(origin);
  assert.deepEqual(data(lines), ['1', '2', '3', 'bye']);
  assert.equal(only(lines, 'error').length, 1);
  assert.equal(only(lines, 'open')[0].protocol, protocol);
  return `${protocol}, lost with ${only(lines, 'error')[0].code}`;
}

// tinyproxy; returns its port and a function that ends it.
async function tinyproxy(certs, securePort) {
  const port = await freePort();
  writeFileSync(certs.path('tinyproxy.conf'), [
    `Port ${port}`, 'Listen 127.0.0.1', 'Timeout 60', 'Allow 127.0.0.1',
    `ConnectPort ${securePort}`, `LogFile "${certs.path('tinyproxy.log')}"`,
    `PidFile "${certs.path('tinyproxy.pid')}"`, '',
  ].join('\n'));
  const conf = certs.path('tinyproxy.conf');
  return [port, await daemon('tinyproxy', ['-d', '-c', conf], port)];
}

async function checkTinyproxy(certs) {
  const secure = await listen(https.createServer(pair(certs, 'good'), counter(cutOff)));
  const plain = await listen(http.createServer(counter(cutOff)));
  const [port, end] = await tinyproxy(certs, secure.port);
  const options = { proxy: `http://127.0.0.1:${port}`, tls: { ca: certs.path('ca.pem') } };
  const through = await ask(`https://127.0.0.1:${secure.port}/`, options);
  const forwarded = await ask(`http://127.0.0.1:${plain.port}/`, options);
  const refused = await ask(`https://127.0.0.1:${plain.port}/`, options);
  await end();
  [secure, plain].forEach(stop);
  assert.deepEqual(data(through), ['1', '2', '3', 'bye']);
  assert.deepEqual(data(forwarded), ['1', '2', '3', 'bye']);
  assert.match(readFileSync(certs.path('tinyproxy.log'), 'utf8'), /CONNECT/);
  assert.deepEqual(failures(refused).slice(0, 2),
    [['EPROXY', 0], ['EPROXY', 0]]);
}

// TLS in front of a proxy on a port of this machine, which makes an HTTPS proxy.
async function httpsProxy(certs, name, port) {
  const front = await listen(tls.createServer(pair(certs, name), (socket) => {
    const behind = net.connect(port, '127.0.0.1');
    socket.pipe(behind).pipe(socket);
    for (const [one, other] of [[socket, behind], [behind, socket]]) {
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  }));
  return front;
}

async function checkHttpsProxy(certs) {
  const secure = await listen(http2.createSecureServer(pair(certs, 'good'),
    counter((res) => res.stream.session.destroy())));
  const plain = await listen(http.createServer(counter(cutOff)));
  const [port, end] = await tinyproxy(certs, secure.port);
  const front = await httpsProxy(certs, 'good', port);
  const options = { proxy: `https://127.0.0.1:${front.port}`, ...trusting(certs) };
  const through = await ask(`https://127.0.0.1:${secure.port}/`,
    { ...options, httpVersion: '2' });
  const forwarded = await ask(`http://127.0.0.1:${plain.port}/`, options);
  const seen = front.accepted;
  const distrusted = await httpsProxy(certs, 'expired', port);
  const refused = await ask(`http://127.0.0.1:${plain.port}/`,
    { ...options, proxy: `https://127.0.0.1:${distrusted.port}` });
  await end();
  [secure, plain, front, distrusted].forEach(stop);
  assert.deepEqual(data(through), ['1', '2', '3', 'bye']);
  assert.equal(only(through, 'open')[0].protocol, 'HTTP/2');
  assert.deepEqual(data(forwarded), ['1', '2', '3', 'bye']);
  assert.ok(seen >= 3);
  assert.deepEqual(failures(refused), [['ECERT', 2]]);
}

async function checkMicrosocks(certs) {
  const secure = await listen(http2.createSecureServer(pair(certs, 'good'),
    counter((res) => res.stream.session.destroy())));
  const port = await freePort();
  const end = await daemon('microsocks',
    ['-i', '127.0.0.1', '-p', String(port), '-u', 'me', '-P', 'secret'], port);
  const url = `https://localhost:${secure.port}/`;
  const through = [];
  for (const scheme of ['socks5', 'socks5h']) {
    const proxy = `${scheme}://me:secret@127.0.0.1:${port}`;
    through.push(await ask(url, { proxy, ...trusting(certs) }));
  }
  const wrong = `socks5h://me:wrong@127.0.0.1:${port}`;
  const refused = await ask(url, { proxy: wrong, ...trusting(certs) });
  await end();
  stop(secure);
  for (const lines of through) {
    assert.deepEqual(data(lines), ['1', '2', '3', 'bye']);
    assert.equal(only(lines, 'open')[0].protocol, 'HTTP/2');
  }
  assert.deepEqual(failures(refused).slice(0, 2), [['EPROXY', 0], ['EPROXY', 0]]);
}

// Each connection ends with its response, so that the next one needs a handshake, which may resume
// the session: nginx tells whether it did. Up to TLS 1.2 the server must keep sessions itself,
// since libcurl asks for no tickets there.
async function checkResumption(certs, version) {
  const reused = [];
  const origin = await listen(http.createServer((req, res) => {
    reused.push(req.headers['x-reused'] === 'r');
    res.writeHead(200, HEAD);
    res.end(reused.length === 4 ? 'event: end\ndata: x\n\n' : 'data: x\n\n');
  }));
  const [port, end] = await nginx(certs, `ssl_protocols ${version}; keepalive_timeout 0;
    ssl_session_cache shared:sessions:1m; proxy_set_header X-Reused $ssl_session_reused;`,
  '', origin);
  const options = { maxRetryInterval: 20, ...trusting(certs) };
  const lines = await ask(`https://localhost:${port}/`, options, { errors: 9 });
  await end();
  stop(origin);
  assert.equal(data(lines).length, 4);
  assert.deepEqual(reused, [false, true, true, true]);
}

// One source reads an event and then no more, while its stream is flooded; other streams of the
// same connection must go on.
async function checkPaused(certs) {
  const piece = `data: ${'x'.repeat(16 * 1024)}\n\n`;
  let written = () => 0;
  const server = await listen(http2.createSecureServer(pair(certs, 'good'), (req, res) => {
    res.writeHead(200, HEAD);
    if (req.url === '/flood') {
      let pieces = 0;
      const pour = () => {
        do pieces += 1; while (!res.destroyed && res.write(piece));
      };
      written = () => pieces * piece.length - res.stream.writableLength;
      res.on('drain', pour);
      return pour();
    }
    let n = 0;
    const timer = setInterval(() => {
      n += 1;
      res.write(n < 50 ? `data: ${n}\n\n` : 'event: end\ndata: x\n\n');
      if (n === 50) clearInterval(timer);
    }, 10);
    return res.on('close', () => clearInterval(timer));
  }));
  const lines = await ask(`https://127.0.0.1:${server.port}/`, trusting(certs),
    { paused: `https://127.0.0.1:${server.port}/flood`, count: 3 });
  const connections = server.accepted;
  const sent = Math.round(written() / 1024);
  stop(server);
  assert.deepEqual(failures(lines), []);
  assert.ok(sent < 64 * 1024, `${sent} KiB were sent to a source that reads none`);
  assert.equal(lines.filter((line) => line.type === 'end').length, 3);
  const { bytes } = only(lines, 'paused')[0];
  assert.ok(bytes < 4 * 1024 * 1024, `${bytes} bytes were taken by a source that reads none`);
  return `${connections} connection(s), ${sent} KiB sent to it`;
}

export async function transport() {
  const certs = makeCertificates();
  await check('Node https: a cut connection', () => checkNodeHttps(certs));
  await check('Node http2: a reset stream', () => checkNodeHttp2(certs));
  await check('Node http2: sources share a connection', () => checkShared(certs));
  await check('Node https: no HTTP/2 there, HTTP/1.1 it is', () => checkFallback(certs));
  await check('Node http2: prior knowledge', checkPriorKnowledge);
  await check('TLS: an expired certificate', () => checkCertificate(certs, 'expired', true));
  const certificate = (...asked) => () => checkCertificate(certs, ...asked);
  await check('TLS: a certificate for another host', certificate('elsewhere', true));
  await check('TLS: a self-signed certificate', () => checkCertificate(certs, 'self', false));
  await check('TLS: an unknown authority', () => checkCertificate(certs, 'good', false));
  await check('TLS: verify = false', () => checkUnverified(certs));
  await check('TLS: a client certificate', () => checkClientCertificate(certs));
  await check('TLS: a refused handshake is tried again', checkHandshake);
  await check('br as it flows', () => checkCoding('br', () => zlib.createBrotliCompress()));
  await check('deflate as it flows', () => checkCoding('deflate', () => zlib.createDeflate()));
  for (const at of ['open', 'event']) {
    await check(`close() at ${at} over TLS`, () => checkClose(certs, at, https.createServer));
    const make = http2.createSecureServer;
    await check(`close() at ${at} over HTTP/2`, () => checkClose(certs, at, make));
  }
  await check('nginx with TLS: HTTP/1.1', () => checkNginx(certs, 'HTTP/1.1'));
  await check('nginx with TLS: HTTP/2', () => checkNginx(certs, 'HTTP/2'));
  await check('tinyproxy: forwards, tunnels, refuses', () => checkTinyproxy(certs));
  await check('an HTTPS proxy: forwards, tunnels, is verified', () => checkHttpsProxy(certs));
  await check('microsocks: TLS and HTTP/2 through it', () => checkMicrosocks(certs));
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    await check(`sessions are resumed: ${version}`, () => checkResumption(certs, version));
  }
  await check('HTTP/2: a paused stream and its siblings', () => checkPaused(certs));
}
