// The configurations of docs/howto/proxies.md in real nginx and HAProxy, with a browser.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBrowser } from './browser.mjs';
import { check, daemon, freePort, lua, until, within } from './lib.mjs';
import { blocksOf } from './pages.mjs';

const PAGE = 'docs/howto/proxies.md';

// The page's text with the ports of this run.
function local(text, app) {
  return text.replaceAll('127.0.0.1:9522', `127.0.0.1:${app}`)
    .replaceAll('port = 9522', `port = ${app}`);
}

async function startNginx(folder, text, app) {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`).join('\n');
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, `daemon off; master_process off; pid ${folder}/nginx.pid;
    error_log /dev/null; events {} http { access_log off; ${temporary}
    ${local(text, app).replace('listen 80', `listen 127.0.0.1:${port}`)} }`);
  return { port, end: await daemon('nginx', ['-p', folder, '-c', file], port) };
}

async function startHaproxy(folder, text, app) {
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, local(text, app).replace('bind :80', `bind 127.0.0.1:${port}`));
  return { port, end: await daemon('haproxy', ['-f', file], port) };
}

async function startServer(port) {
  const server = lua('interop/behind_server.lua', String(port));
  await until(() => server.lines.some((line) => line.startsWith('port ')), 'the server');
  return server;
}

// Reads the stream until it has `count` events; returns their data, and leaves.
async function listen(url, count, headers = {}) {
  const controller = new AbortController();
  const response = await fetch(url, { headers, signal: controller.signal });
  assert.equal(response.status, 200);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const got = [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]);
    if (got.length >= count) {
      controller.abort();
      return got;
    }
    const { value, done } = await within(reader.read(), 'an event');
    assert.ok(!done, 'the stream ended');
    text += decoder.decode(value, { stream: true });
  }
}

// Each event comes while the stream is open. The server notices a client that leaves while the
// stream is silent.
async function comesAtOnce(url, server) {
  await listen(`${url}/events/times`, 20);
  await until(() => server.lines.includes('times client'), 'the server to notice that it has left');
  return '20 events; the leaving was noticed within a silence';
}

// A visitor who forges the field.
async function address(folder, start, text) {
  const app = await freePort();
  const file = join(folder, 'page.lua');
  writeFileSync(file, local(blocksOf(PAGE, 'lua')[0], app));
  const server = lua(file);
  const proxy = await start(folder, text, app);
  const [data] = await until(() => listen(`http://127.0.0.1:${proxy.port}/events`, 1,
    { 'X-Forwarded-For': '192.0.2.9' }).catch(() => undefined), 'the page\'s server');
  await proxy.end();
  await server.stop();
  assert.equal(data, 'hello, 127.0.0.1');
  return data;
}

// In the page: an EventSource, and what it has got.
function open(path) {
  window.got = [];
  window.source = new EventSource(path);
  window.source.onmessage = (event) => window.got.push(event.data);
}

// The server is away for a while. Returns the states of both the page's EventSource and of one at a
// path whose errors the proxy does not replace.
async function isAway(page, url, app, server) {
  const say = (text) => fetch(`${url}/news`, { method: 'POST', body: text });
  await page.goto(`${url}/`);
  await page.evaluate(open, '/events');
  await page.evaluate(() => {
    window.other = new EventSource('/other');
  });
  await page.waitForFunction('source.readyState === 1 && other.readyState === 1');
  await say('one');
  await page.waitForFunction('got.length === 1');
  await server.stop();
  await page.waitForFunction('other.readyState === 2');
  assert.notEqual(await page.evaluate('source.readyState'), 2);
  const again = await startServer(app);
  await page.waitForFunction('source.readyState === 1');
  await until(async () => (await say('two')).status === 204, 'the server to be back');
  await page.waitForFunction("got.includes('two')");
  assert.equal(await page.evaluate('other.readyState'), 2);
  return { again, detail: 'the one came back, the other had given up' };
}

// The page's own way out, where the proxy answers 502.
async function pageComesBack(page, url, app, server) {
  const say = (text) => fetch(`${url}/news`, { method: 'POST', body: text });
  await page.goto(`${url}/`);
  await page.evaluate((script) => {
    window.shown = [];
    const made = [];
    const run = new Function('show', 'EventSource', script); // eslint-disable-line no-new-func
    run((text) => window.shown.push(text), class extends EventSource {
      constructor(path) {
        super(path);
        made.push(this);
        window.made = made;
      }
    });
  }, blocksOf(PAGE, 'js')[0]);
  await until(async () => {
    await say('one');
    return page.evaluate('shown.length > 0');
  }, 'the first event');
  await server.stop();
  await page.waitForFunction('made[0].readyState === 2');
  const again = await startServer(app);
  await page.waitForFunction('made.length > 1');
  const asked = await page.evaluate('made[1].url');
  assert.match(asked, /lastEventId=\w+-\d+$/);
  await until(async () => {
    await say('two');
    return page.evaluate("shown.includes('two')");
  }, 'an event after the restart');
  return { again, detail: new URL(asked).search };
}

// The median of what events take through a proxy, ms.
async function delay(url) {
  const began = performance.now();
  const clock = Number(await (await fetch(`${url}/now`)).text());
  const offset = clock - (began + performance.now()) / 2;
  const controller = new AbortController();
  const response = await fetch(`${url}/events/times`, { signal: controller.signal });
  const taken = [];
  const decoder = new TextDecoder();
  for await (const piece of response.body) {
    for (const match of decoder.decode(piece).matchAll(/^data: \d+ (\S+)$/gm)) {
      taken.push(performance.now() + offset - Number(match[1]));
    }
    if (taken.length >= 20) break;
  }
  controller.abort();
  return taken.sort((a, b) => a - b)[10].toFixed(1);
}

async function onProxy(name, start, text, plain, context) {
  const folder = mkdtempSync(join(tmpdir(), 'sse-'));
  const app = await freePort();
  let server = await startServer(app);
  const proxy = await start(folder, text, app);
  const url = `http://127.0.0.1:${proxy.port}`;
  await check(`${name}: events come at once`, () => comesAtOnce(url, server));
  await check(`${name}: the visitor's address`, () => address(folder, start, text));
  const page = await context.newPage();
  await check(`${name}: the server is away`, async () => {
    const { again, detail } = await isAway(page, url, app, server);
    server = again;
    return detail;
  });
  await proxy.end();
  const bare = await start(folder, plain, app);
  const bareUrl = `http://127.0.0.1:${bare.port}`;
  await check(`${name}: a page that helps itself`, async () => {
    const { again, detail } = await pageComesBack(page, bareUrl, app, server);
    server = again;
    return detail;
  });
  await bare.end();
  await page.close();
  await server.stop();
  rmSync(folder, { recursive: true });
}

// What the options that the page names are worth.
async function options(text) {
  const folder = mkdtempSync(join(tmpdir(), 'sse-'));
  const app = await freePort();
  const server = await startServer(app);
  const medians = [];
  for (const each of [text, text.replace('option http-no-delay', '')]) {
    const proxy = await startHaproxy(folder, each, app);
    medians.push(await delay(`http://127.0.0.1:${proxy.port}`));
    await proxy.end();
  }
  await server.stop();
  rmSync(folder, { recursive: true });
  return `an event takes ${medians[0]} ms, without http-no-delay ${medians[1]}`;
}

export async function behind() {
  const browser = await startBrowser();
  const context = await browser.newContext();
  const [nginx] = blocksOf(PAGE, 'nginx');
  const [haproxy] = blocksOf(PAGE, 'haproxy');
  assert.equal(spawnSync('haproxy', ['-v']).error, undefined);
  await onProxy('nginx', startNginx, nginx, nginx.replace(/error_page.*/, ''), context);
  await onProxy('HAProxy', startHaproxy, haproxy, haproxy.replace(/use_backend.*/, ''), context);
  await check('HAProxy: what http-no-delay is worth', () => options(haproxy));
  await browser.close();
}
