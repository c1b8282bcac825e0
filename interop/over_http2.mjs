// Other people's HTTP/2 clients with our server, with and without TLS: curl, nghttp, h2load, Node's
// http2, npm's undici; and our own.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { promisify } from 'node:util';
import { createParser } from 'eventsource-parser';
import { Agent, request } from 'undici';
import { makeCertificates } from './certs.mjs';
import { check, luaServer, until, within } from './lib.mjs';

const run = promisify(execFile);
const BODY = 'body '.repeat(40000);

async function curl(...args) {
  return (await run('curl', ['--silent', '--show-error', ...args], { maxBuffer: 1 << 26 })).stdout;
}

// The HTTP version that curl uses with an option.
async function curlVersion(url, ca, option, version) {
  const args = [...ca, option, '--include', `${url}/protocol`];
  const output = await curl(...args);
  assert.match(output, new RegExp(`^HTTP/${version}[ .]`));
  assert.match(output, new RegExp(`HTTP/${version}(\\.1)?$`));
  const events = await curl(...ca, option, `${url}/kinds`);
  assert.match(events, /data: plain\n\n/);
  assert.match(events, /event: end\ndata: bye\n\n$/);
  return `HTTP/${version}`;
}

async function curlBodies(url, ca, option) {
  assert.equal(await curl(...ca, option, '--data-binary', BODY.slice(0, 100000), `${url}/echo`),
    BODY.slice(0, 100000));
  assert.equal((await curl(...ca, option, `${url}/long`)).length, 10 * 2 ** 17);
  const refused = await curl(...ca, option, '--request', 'PUT', '--include', `${url}/echo`);
  assert.match(refused, /^HTTP\/2 405/);
  return 'up, down, refused';
}

async function nghttp(url) {
  const args = ['--no-verify-peer', '--verbose', '--null-out'];
  const { stdout } = await run('nghttp', [...args, `${url}/kinds`, `${url}/long`],
    { maxBuffer: 1 << 26 });
  assert.equal(stdout.match(/\[ERROR\].*|RST_STREAM|[A-Z]+_ERROR\(0x0?[1-9a-f]\)/)?.[0], undefined);
  assert.equal(stdout.match(/:status: 200/g).length, 2);
  return 'two requests, no error';
}

async function h2load(url) {
  const args = ['--requests=5000', '--clients=10', '--max-concurrent-streams=100'];
  const { stdout } = await run('h2load', [...args, `${url}/protocol`]);
  assert.match(stdout, /5000 succeeded, 0 failed, 0 errored, 0 timeout/);
  assert.match(stdout, /status codes: 5000 2xx/);
  return stdout.match(/finished in .*req\/s/)[0];
}

// The headers and text of a response, by Node's http2.
function responseOf(stream) {
  return within(new Promise((resolve, reject) => {
    const got = { text: '' };
    stream.setEncoding('utf8');
    stream.on('response', (headers) => { got.headers = headers; });
    stream.on('data', (piece) => { got.text += piece; });
    stream.on('error', reject);
    stream.on('end', () => resolve(got));
  }), 'a response');
}

async function withSession(url, ca, test) {
  const session = http2.connect(url, { ca });
  try {
    return await test(session);
  } finally {
    session.close();
  }
}

async function nodeHttp2(session) {
  const posted = session.request({ ':method': 'POST', ':path': '/echo' });
  posted.end(BODY);
  assert.equal((await responseOf(posted)).text, BODY);
  const kinds = await responseOf(session.request({ ':path': '/kinds' }));
  assert.equal(kinds.headers['content-type'], 'text/event-stream');
  assert.equal(kinds.headers.connection, undefined);
  const events = [];
  const parser = createParser({ onEvent: (event) => events.push(event.data) });
  parser.feed(kinds.text);
  assert.equal(events.at(-1), 'bye');
  return `${events.length} events`;
}

// 100 streams of one connection follow a channel; half of them leave.
async function nodeFollowers(session) {
  const streams = [];
  for (let i = 0; i < 100; i += 1) {
    const stream = session.request({ ':path': '/follow' });
    streams.push(stream);
    stream.setEncoding('utf8');
    stream.got = '';
    stream.on('data', (piece) => { stream.got += piece; });
  }
  await until(async () => {
    const stats = JSON.parse((await responseOf(session.request({ ':path': '/stats' }))).text);
    return stats.streams.open === 100 && stats.http2.connections === 1;
  }, '100 streams on one connection');
  const publish = async (text) => {
    const stream = session.request({ ':method': 'POST', ':path': '/publish' });
    stream.end(text);
    await responseOf(stream);
  };
  await publish('one');
  await until(() => streams.every((stream) => stream.got.includes('data: one\n\n')), 'the event');
  streams.splice(0, 50).forEach((stream) => stream.close(http2.constants.NGHTTP2_CANCEL));
  await publish('two');
  await until(() => streams.every((stream) => stream.got.includes('data: two\n\n')), 'the second');
  await until(async () => {
    const stats = JSON.parse((await responseOf(session.request({ ':path': '/stats' }))).text);
    return stats.streams.open === 50;
  }, 'those that left to be gone');
  return '100 streams on one connection';
}

async function undici(url, ca) {
  const dispatcher = new Agent({ allowH2: true, connect: { ca } });
  const post = { dispatcher, method: 'POST', body: BODY };
  assert.equal(await (await request(`${url}/echo`, post)).body.text(), BODY);
  assert.equal(await (await request(`${url}/protocol`, { dispatcher })).body.text(), 'HTTP/2');
  const texts = await Promise.all(Array.from({ length: 20 }, async () => (
    (await request(`${url}/kinds`, { dispatcher })).body.text())));
  texts.forEach((text) => assert.match(text, /data: bye\n\n$/));
  await dispatcher.close();
  return `${texts.length} streams at a time`;
}

async function checkServer(name, server, ca, file, option) {
  const { url } = server;
  const trust = file ? ['--cacert', file] : [];
  await check(`curl ${option}, ${name}`, () => curlVersion(url, trust, option, '2'));
  await check(`curl --http1.1, ${name}`, () => curlVersion(url, trust, '--http1.1', '1'));
  await check(`curl, bodies, ${name}`, () => curlBodies(url, trust, option));
  await check(`nghttp, ${name}`, () => nghttp(url));
  await check(`h2load, ${name}`, () => h2load(url));
  await check(`node:http2, ${name}`, () => withSession(url, ca, nodeHttp2));
  await check(`node:http2, followers, ${name}`, () => withSession(url, ca, nodeFollowers));
  await check(`no abuse was seen, ${name}`, async () => {
    const stats = JSON.parse(await curl(...trust, `${url}/stats`));
    assert.deepEqual(stats.http2.abuse, { resets: 0, floods: 0, header_floods: 0 });
    assert.equal(stats.http2.streams_starved, 0);
  });
}

export async function overHttp2() {
  const certs = makeCertificates();
  const file = certs.path('ca.pem');
  const ca = readFileSync(file);
  const plain = await luaServer();
  await checkServer('h2c', plain, undefined, undefined, '--http2-prior-knowledge');
  await check('curl --http2 stays with HTTP/1.1 without TLS', () => (
    curlVersion(plain.url, [], '--http2', '1')));
  await check('the server ends by SIGTERM', async () => assert.equal(await plain.stop(), 0));
  const secure = await luaServer(0, certs.path('good.pem'), certs.path('good.key'));
  await checkServer('TLS', secure, ca, file, '--http2');
  await check('undici, TLS', () => undici(secure.url, ca));
  await check('the server ends by SIGTERM', async () => assert.equal(await secure.stop(), 0));
}
