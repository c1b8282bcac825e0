// A browser's EventSource with our server: on plain pages, across origins, over a restart, and on
// the demo's pages, on those of the login, on the board of two workers, on two machines'. The
// screenshots are build/interop/demo*.png, resume.png, live-*.png, login.png, board-*.png and
// cluster-*.png.
import assert from 'node:assert/strict';
import { onBoard } from './board_page.mjs';
import { startBrowser } from './browser.mjs';
import { onCluster } from './cluster_page.mjs';
import { compressedInPage } from './compressed.mjs';
import { onDesign } from './demo_design.mjs';
import { onDemo } from './demo_page.mjs';
import { check, luaServer } from './lib.mjs';
import { onLive } from './live_page.mjs';
import { onLogin } from './login_page.mjs';
import { onResume } from './resume_page.mjs';

// Runs in the page: returns every event of the given types, until one of type `last` or until it
// closes.
function collect({ url, types, last }) {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    const seen = [];
    let opened = 0;
    const finish = () => {
      const closed = source.readyState === EventSource.CLOSED;
      source.close();
      resolve({ seen, opened, closed });
    };
    source.onopen = () => { opened += 1; };
    source.onerror = () => source.readyState === EventSource.CLOSED && finish();
    for (const type of types) {
      source.addEventListener(type, (event) => {
        seen.push({ type, data: event.data, id: event.lastEventId, origin: event.origin });
        if (type === last) finish();
      });
    }
  });
}

async function kinds(page, url) {
  const got = await page.evaluate(collect,
    { url: `${url}/kinds`, types: ['message', 'named', 'end'], last: 'end' });
  assert.deepEqual(got.seen.map(({ type }) => type),
    ['message', 'message', 'named', 'message', 'message', 'end']);
  assert.deepEqual(got.seen.map(({ id }) => id), ['', '', '1', '2', '2', '2']);
  assert.equal(got.seen[1].data, 'two\nlines\n');
  assert.equal(JSON.parse(got.seen[2].data).text, 'Zürich 東京 🎈');
  assert.equal(got.seen[0].origin, url);
  return `${got.seen.length} events`;
}

async function reconnects(page, url) {
  const got = await page.evaluate(collect, { url: `${url}/count`, types: ['tick'] });
  const ticks = got.seen.map(({ data }) => JSON.parse(data));
  assert.deepEqual(ticks.map((tick) => tick.n), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(ticks.map((tick) => tick.last), ['', '', '', '3', '3', '3', '6', '6', '6']);
  assert.deepEqual([got.opened, got.closed], [3, true]);
  return '9 events over 3 connections, ended by 204';
}

// Ends the server and starts it again on its port while the page listens.
async function restart(page, server) {
  await page.evaluate((url) => {
    window.ticks = [];
    window.source = new EventSource(url);
    window.source.onmessage = (event) => window.ticks.push(JSON.parse(event.data));
  }, `${server.url}/resume`);
  await page.waitForFunction('ticks.length >= 3');
  await server.stop();
  const again = await luaServer(server.port);
  await page.waitForFunction("ticks.at(-1).last !== ''");
  const ticks = await page.evaluate('source.close(), ticks');
  assert.deepEqual(ticks.map((tick) => tick.n), ticks.map((_, i) => i + 1));
  const last = ticks.find((tick) => tick.last !== '');
  assert.equal(Number(last.last), last.n - 1);
  return { again, detail: `reconnected with Last-Event-ID ${last.last}` };
}

async function onServer(context) {
  let server = await luaServer();
  const page = await context.newPage();
  await page.goto(`${server.url}/left`);
  await check('Chromium: every kind of event', () => kinds(page, server.url));
  await check('Chromium: reconnects with Last-Event-ID', () => reconnects(page, server.url));
  await check('Chromium: compressed', () => compressedInPage(page, server.url));
  const other = await luaServer();
  await check('Chromium: from another origin', () => kinds(page, other.url));
  await other.stop();
  await check('Chromium: the server restarts', async () => {
    const { again, detail } = await restart(page, server);
    server = again;
    return detail;
  });
  await server.stop();
}

export async function inBrowser() {
  const browser = await startBrowser();
  if (!browser) return;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await onServer(context);
  await onDemo(context);
  await onDesign(browser);
  await onResume(context);
  await onLive(context);
  await browser.close();
}

export async function login() {
  const browser = await startBrowser();
  if (!browser) return;
  await onLogin(browser);
  await onBoard(browser);
  await onCluster(browser);
  await browser.close();
}
