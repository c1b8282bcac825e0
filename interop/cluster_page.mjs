// The page of examples/cluster.lua in a browser, as make demo-cluster serves it: two windows, one
// of each machine. A machine is killed; its window goes on with the other one, from where it was.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { check, cluster, until } from './lib.mjs';

const FOLDER = 'build/interop';
const SIZES = { desktop: { width: 1100, height: 760 }, phone: { width: 390, height: 844 } };

const text = (page, id) => page.evaluate((name) => document.getElementById(name).textContent, id);

async function open(browser, url, errors, options = {}) {
  const context = await browser.newContext({ viewport: SIZES.desktop, ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  return page;
}

// Each of the four processes has sent a beat that the page shows.
const showsAll = (page) => page.waitForFunction(() => (
  [...document.querySelectorAll('.row .number')].filter((node) => Number(node.textContent) > 0)
    .length === 4));

const isServedBy = (page, machine) => page.waitForFunction((name) => (
  document.getElementById('state').textContent.startsWith(`served by ${name}`)), machine);

async function write(page, said) {
  await page.fill('#text', said);
  await page.click('button');
}

const messages = (page) => page.evaluate(() => (
  [...document.querySelectorAll('.message p')].map((node) => node.textContent)));

async function agree(pages, wanted) {
  for (const page of pages) {
    await until(async () => (await messages(page)).length >= wanted.length, 'the messages');
    assert.deepEqual(await messages(page), wanted.toReversed());
    assert.deepEqual([await text(page, 'missed'), await text(page, 'twice')], ['0', '0']);
  }
}

async function survivesKill(pages, said) {
  const master = Number((await text(pages[0], 'kill-all')).match(/\d+$/)[0]);
  process.kill(master, 'SIGKILL');
  await isServedBy(pages[0], 'b');
  said.push('While machine a is away');
  await write(pages[0], said.at(-1));
  await agree(pages, said);
  return `process ${master} killed`;
}

async function isShot(browser, url, errors) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(browser, url, errors, { viewport, colorScheme });
      await showsAll(page);
      assert.ok(await page.evaluate(() => (
        document.documentElement.scrollWidth <= document.documentElement.clientWidth)));
      await page.screenshot({ path: `${FOLDER}/cluster-${size}-${colorScheme}.png` });
      await page.context().close();
    }
  }
  return `${FOLDER}/cluster-*.png`;
}

export async function onCluster(browser) {
  const demo = await cluster();
  const errors = [];
  const said = [];
  const pages = [];
  await check('cluster: four processes on both machines\' pages', async () => {
    for (const url of demo.urls) pages.push(await open(browser, url, errors));
    await Promise.all(pages.map(showsAll));
    await Promise.all(pages.map((page, i) => isServedBy(page, 'ab'[i])));
    for (const page of pages) {
      said.push(`From window ${said.length + 1}: <b>as it is</b>`);
      await write(page, said.at(-1));
      await agree(pages, said);
    }
  });
  await check('cluster: a machine is killed, nothing is missed', () => survivesKill(pages, said));
  await check('cluster: wide and narrow, light and dark', () => (
    isShot(browser, demo.urls[1], errors)));
  await check('cluster: no error in the pages', async () => assert.deepEqual(errors, []));
  for (const page of pages) await page.context().close();
  await check('cluster: ends by SIGTERM', async () => assert.equal(await demo.stop(), 0));
}
