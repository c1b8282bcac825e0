// More streams than the six that a browser opens over HTTP/1.1: fifty of one origin over one HTTP/2
// connection, plain and compressed, before and after a restart; over HTTP/1.1 the seventh waits.
// The screenshots are build/interop/tabs-*.png.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { startBrowser } from './browser.mjs';
import { makeCertificates } from './certs.mjs';
import { check, tabsServer, until } from './lib.mjs';

const COUNT = 50;
const FOLDER = 'build/interop';
const TEXT = 'an event that is long enough for compression to be worth it, '.repeat(3);

const upTo = (n) => Array.from({ length: n }, (_, i) => String(i + 1));

// --- the page ------------------------------------------------------------------------------------

// Fetched by the page, over its own connection, so that the server has no other one.
async function stats(page) {
  return page.evaluate(() => fetch('/stats').then((response) => response.json()));
}

async function publish(page, count) {
  await page.evaluate(async ([text, times]) => {
    for (let i = 0; i < times; i += 1) await fetch('/publish', { method: 'POST', body: text });
  }, [TEXT, count]);
}

function allOpen(page, count) {
  return page.waitForFunction((least) => (
    tabs.filter(({ source }) => source.readyState === EventSource.OPEN).length === least), count);
}

// Waits until every source has the events from the first to `last`, each once and in order.
async function allGot(page, count, last) {
  await page.waitForFunction((id) => tabs.every(({ ids }) => ids.at(-1) === id), String(last));
  const got = await page.evaluate(() => tabs.map(({ ids, gaps }) => ({ ids, gaps })));
  assert.equal(got.length, count);
  for (const tab of got) assert.deepEqual(tab, { ids: upTo(last), gaps: 0 });
}

async function shot(page, name) {
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: `${FOLDER}/tabs-${name}.png`, fullPage: true });
  return `${FOLDER}/tabs-${name}.png`;
}

// --- over HTTP/2 --------------------------------------------------------------------------------

async function onOneConnection(page, streams, compressed) {
  let counters;
  // The browser may have opened a second connection before it knew that one is enough, and requests
  // an icon by itself.
  await until(async () => {
    counters = await stats(page);
    return counters.streams.open === streams && counters.connections.open === 1
      && counters.http2.streams === streams + 1; // and the request for these stats
  }, `${streams} streams on one connection`);
  assert.equal(counters.http2.connections, 1);
  assert.equal(counters.compression.streams, compressed ? streams : 0);
  assert.deepEqual(counters.http2.abuse, { resets: 0, floods: 0, header_floods: 0 });
  assert.equal(counters.http2.streams_starved, 0);
  return `${streams} streams, ${counters.connections.open} connection`;
}

async function another(context, page, url, compressed) {
  const second = await context.newPage();
  await second.goto(`${url}/?count=10`);
  await allOpen(second, 10);
  const detail = await onOneConnection(page, COUNT + 10, compressed);
  await second.close();
  await until(async () => (await stats(page)).streams.open === COUNT, 'the second tab to be gone');
  return detail;
}

// Restarts the server; three events are added to the store while nobody listens.
async function restart(page, server, asked, last) {
  assert.equal(await server.stop(), 0);
  await page.waitForFunction(() => (
    tabs.every(({ source }) => source.readyState === EventSource.CONNECTING)));
  appendFileSync(asked.store, `${TEXT}\n`.repeat(3));
  const again = await tabsServer({ ...asked, port: server.port });
  await allOpen(page, COUNT);
  await allGot(page, COUNT, last + 3);
  const { brought } = await stats(page);
  assert.deepEqual(brought, { [last]: COUNT });
  return { again, detail: `${COUNT} came back with id ${last} and got ${last + 1} to ${last + 3}` };
}

async function overHttp2(browser, certs, compressed) {
  const name = compressed ? 'HTTP/2, compressed' : 'HTTP/2';
  const store = certs.path(`store-${compressed}`);
  writeFileSync(store, '');
  const asked = {
    port: 0, store, compress: compressed,
    tls: { cert: certs.path('good.pem'), key: certs.path('good.key') },
  };
  let server = await tabsServer(asked);
  const context = await browser.newContext({ viewport: { width: 1280, height: 700 } });
  const page = await context.newPage();
  await page.goto(`${server.url}/?count=${COUNT}`);
  const each = async (title, test) => check(`${name}: ${title}`, test);
  await each(`${COUNT} sources on one connection`, async () => {
    await allOpen(page, COUNT);
    return onOneConnection(page, COUNT, compressed);
  });
  await each('all receive', async () => {
    await publish(page, 5);
    await allGot(page, COUNT, 5);
  });
  await each('a second tab is on it too', () => another(context, page, server.url, compressed));
  await each('a restart loses nothing', async () => {
    const { again, detail } = await restart(page, server, asked, 5);
    server = again;
    return detail;
  });
  await each('all receive again', async () => {
    await publish(page, 2);
    await allGot(page, COUNT, 10);
    const picture = await shot(page, compressed ? 'compressed' : 'h2');
    return `${await onOneConnection(page, COUNT, compressed)}, ${picture}`;
  });
  await each('ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
  await context.close();
}

// --- over HTTP/1.1 ------------------------------------------------------------------------------

async function seventhWaits(page, url) {
  const state = (n) => page.evaluate((i) => tabs[i].source.readyState, n);
  const say = () => fetch(`${url}/publish`, { method: 'POST', body: TEXT });
  await allOpen(page, 6);
  for (let i = 0; i < 3; i += 1) assert.equal((await say()).status, 204);
  await page.waitForFunction(() => tabs.filter(({ ids }) => ids.length === 3).length === 6);
  const waiting = await page.evaluate(() => (
    tabs.findIndex(({ source }) => source.readyState === EventSource.CONNECTING)));
  assert.equal(await page.evaluate((i) => tabs[i].ids.length, waiting), 0);
  const counters = await (await fetch(`${url}/stats`)).json();
  assert.deepEqual([counters.streams.open, counters.http2.connections], [6, 0]);
  const picture = await shot(page, 'http1');
  await page.evaluate((i) => tabs[i].source.close(), waiting === 0 ? 1 : 0);
  await page.waitForFunction((i) => tabs[i].source.readyState === EventSource.OPEN, waiting);
  await say();
  await page.waitForFunction((i) => tabs[i].ids.length === 1, waiting);
  assert.equal(await state(waiting), 1);
  return `#${waiting + 1} waits until another is closed, ${picture}`;
}

async function overHttp1(browser, certs) {
  const store = certs.path('store-http1');
  writeFileSync(store, '');
  const server = await tabsServer({ port: 0, store, compress: false });
  const context = await browser.newContext({ viewport: { width: 1280, height: 700 } });
  const page = await context.newPage();
  await page.goto(`${server.url}/?count=7`);
  await check('HTTP/1.1: the seventh source waits', () => seventhWaits(page, server.url));
  await check('HTTP/1.1: ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
  await context.close();
}

export async function manyTabs() {
  const certs = makeCertificates();
  const browser = await startBrowser(
    `--ignore-certificate-errors-spki-list=${certs.pin('good')}`);
  if (!browser) return;
  await overHttp2(browser, certs, false);
  await overHttp2(browser, certs, true);
  await overHttp1(browser, certs);
  await browser.close();
}
