// The page of examples/board.lua in a browser, served by two workers: two windows, each with
// another worker, see one order of what both have written; one worker is killed while they write;
// all end and start again on the same file. Nothing is missed, and nothing comes twice.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { board, check, until } from './lib.mjs';

const FOLDER = 'build/interop';
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

const servedBy = (page) => page.evaluate(() => (
  Number(document.getElementById('worker').textContent.match(/\d+/)?.[0])));

const processOf = (page) => page.evaluate(() => (
  Number(document.getElementById('kill').textContent.match(/\d+$/)[0])));

async function isServed(page, not) {
  await page.waitForFunction((old) => {
    const told = document.getElementById('kill').textContent.match(/\d+$/);
    return told && Number(told[0]) !== old
      && document.getElementById('state').textContent === 'connected';
  }, not);
}

// What a window shows, the oldest first.
const messages = (page) => page.evaluate(() => (
  [...document.querySelectorAll('.message')].reverse().map((item) => ({
    id: item.dataset.id,
    worker: item.querySelector('.worker').textContent,
    text: item.querySelector('p').textContent,
  }))));

const texts = async (page) => (await messages(page)).map(({ text }) => text);

async function write(page, name, text) {
  await page.fill('#name', name);
  await page.fill('#text', text);
  await page.click('#send');
  await page.waitForFunction(() => document.getElementById('text').value === '');
}

// Both windows show the same, and each of the texts once.
async function agree(pages, wanted) {
  await until(async () => {
    for (const page of pages) if ((await texts(page)).length < wanted.length) return false;
    return true;
  }, `${wanted.length} messages`);
  const [one, two] = await Promise.all(pages.map(messages));
  assert.deepEqual(one, two);
  assert.deepEqual(one.map(({ text }) => text).sort(), [...wanted].sort());
  return one;
}

async function open(browser, url, errors, options = {}) {
  const context = await browser.newContext({ viewport: SIZES.desktop, ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  await isServed(page);
  return page;
}

// A window that another worker serves than the given one.
async function openWithAnother(browser, url, errors, worker) {
  for (;;) {
    const page = await open(browser, url, errors);
    if (await servedBy(page) !== worker) return page;
    await page.context().close();
  }
}

// Each writes until a message has come in by each worker: a browser's requests go where the system
// sends their connection.
async function writeByBoth(browser, url, errors, pages, said) {
  const seen = async () => new Set((await messages(pages[0])).map(({ worker }) => worker));
  for (let i = 1; i < 4; i += 1) {
    said.push(`From window one, ${i}: <b>as it is</b>`, `From window two, ${i}`);
    await Promise.all([write(pages[0], 'Ann', said.at(-2)), write(pages[1], 'Bob', said.at(-1))]);
  }
  await agree(pages, said);
  while ((await seen()).size < 2) {
    const page = await open(browser, url, errors);
    said.push(`From a window of its own, ${said.length}`);
    await write(page, 'Cid', said.at(-1));
    await agree(pages, said);
    await page.context().close();
  }
  const shown = await agree(pages, said);
  return `${shown.length} messages, ${[...await seen()].sort().join(' and ')}`;
}

async function survivesKill(pages, said) {
  const killed = await processOf(pages[0]);
  process.kill(killed, 'SIGKILL');
  for (let i = 1; i <= 3; i += 1) {
    said.push(`While the worker of window one is gone, ${i}`);
    await write(pages[1], 'Bob', said.at(-1));
  }
  await isServed(pages[0], killed);
  said.push('Window one is back');
  await write(pages[0], 'Ann', said.at(-1));
  const shown = await agree(pages, said);
  assert.match(await pages[0].textContent('.note'), /^connection lost; back by worker \d/);
  assert.equal(await pages[1].locator('.note').count(), 0); // the other one noticed nothing
  for (const page of pages) {
    await page.waitForFunction(() => document.getElementById('here').textContent === '2');
  }
  return `${shown.length} messages in both, process ${killed} killed`;
}

async function survivesAll(pages, server, file, said) {
  const before = await Promise.all(pages.map(processOf));
  assert.equal(await server.stop(), 0);
  const again = await board(server.port, file);
  await Promise.all(pages.map((page, i) => isServed(page, before[i])));
  said.push('After the end of all');
  await write(pages[0], 'Ann', said.at(-1));
  await agree(pages, said);
  await pages[1].reload();
  await isServed(pages[1]);
  const shown = await agree(pages, said);
  assert.ok(shown.every(({ id }) => id.split('-')[0] === shown[0].id.split('-')[0]));
  return { again, detail: `${shown.length} messages, one run of ids` };
}

async function isShot(browser, url, errors) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(browser, url, errors, { viewport, colorScheme });
      await page.waitForSelector('.message');
      await page.fill('#name', 'Ann');
      assert.ok(await page.evaluate(() => (
        document.documentElement.scrollWidth <= document.documentElement.clientWidth)));
      await page.screenshot({ path: `${FOLDER}/board-${size}-${colorScheme}.png` });
      await page.context().close();
    }
  }
  return `${FOLDER}/board-*.png`;
}

export async function onBoard(browser) {
  const folder = mkdtempSync(join(tmpdir(), 'sse-'));
  const file = join(folder, 'board.db');
  let server = await board(0, file);
  const errors = [];
  const said = [];
  const one = await open(browser, server.url, errors);
  const two = await openWithAnother(browser, server.url, errors, await servedBy(one));
  const pages = [one, two];
  await check('board: two windows, two workers, one order', () => (
    writeByBoth(browser, server.url, errors, pages, said)));
  await check('board: a worker is killed, nothing is missed', () => survivesKill(pages, said));
  await check('board: all end, and start again', async () => {
    const { again, detail } = await survivesAll(pages, server, file, said);
    server = again;
    return detail;
  });
  await check('board: wide and narrow, light and dark', () => isShot(browser, server.url, errors));
  await check('board: no error in the pages', async () => assert.deepEqual(errors, []));
  for (const page of pages) await page.context().close();
  await check('board: ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
  rmSync(folder, { recursive: true });
}
