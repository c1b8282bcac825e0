// The demo's live page in a browser: its buttons change what the server measures and the page
// shows, on wide and on narrow screens, light and dark.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { check, demo, until } from './lib.mjs';

const FOLDER = 'build/interop';
const SIZES = [[1280, 900], [390, 844]];

// The number in a text such as "1,234" or "Followers: 12.1 k".
const number = (text) => (
  Number(text.replace(/[^\d.]/g, '')) * (/\dk$|\d k$/.test(text) ? 1000 : 1));

function inState(page, state) {
  return page.waitForFunction((text) => (
    document.getElementById('live-state').textContent === text), state);
}

// A channel's cell in the column of that title.
async function cell(page, channel, column) {
  return page.evaluate(([name, title]) => {
    const titles = [...document.querySelectorAll('thead th')].map((th) => th.textContent);
    const row = [...document.querySelectorAll('#channels tr')].find((tr) => (
      tr.firstChild.textContent === name));
    return row ? row.children[titles.indexOf(title)].textContent : '';
  }, [channel, column]).then(number);
}

function reaches(page, channel, column, test, what) {
  return until(async () => test(await cell(page, channel, column)), what);
}

// What a chart says of its newest sample.
function chart(page, title) {
  return page.locator('.chart', { hasText: title }).locator('svg').getAttribute('aria-label');
}

const note = (page) => page.textContent('#note');

async function beginsSmall(page) {
  await inState(page, 'open');
  await page.waitForFunction(() => document.getElementById('note').textContent !== '');
  await reaches(page, 'load', 'Followers', (n) => n === 20, '20 followers');
  assert.match(await note(page), /^A small load is running: 20 followers get 10 events a second/);
  return note(page);
}

async function followersComeAndGo(page) {
  await page.waitForSelector('#channels tr');
  await page.click('#more');
  await page.click('#more');
  await reaches(page, 'load', 'Followers', (n) => n === 220, '220 followers');
  assert.equal(await chart(page, 'Followers'), 'Followers: 220');
  assert.equal(await note(page), '');
  await page.click('#fewer');
  await reaches(page, 'load', 'Followers', (n) => n === 120, '120 followers');
  return '20, 220, 120';
}

async function eventsFlow(page) {
  const before = await cell(page, 'load', 'Delivered');
  await page.click('.burst[value="100"]');
  await reaches(page, 'load', 'Delivered', (n) => n >= before + 100 * 100, 'a burst to arrive');
  await page.click('#rate button[value="100"]');
  await page.waitForSelector('#rate button[value="100"][aria-pressed="true"]');
  await until(async () => number(await chart(page, 'Events delivered')) > 1000, 'a steady flow');
  const delay = await chart(page, 'Delay');
  assert.match(delay, /^Delay: p50 [\d.]+ (µs|ms|s), p99 [\d.]+ (µs|ms|s)$/);
  assert.equal(await cell(page, 'load', 'Gaps'), 0);
  return delay;
}

async function looksBack(page) {
  const box = await page.locator('.chart svg').first().boundingBox();
  await page.mouse.move(box.x + 4, box.y + box.height / 2);
  const when = page.locator('.chart .when');
  assert.equal(await when.count(), await page.locator('.chart').count());
  assert.match(await when.first().textContent(), /ago$/);
  await page.mouse.move(1, 1);
  assert.equal(await when.count(), 0);
}

async function isShot(page) {
  mkdirSync(FOLDER, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await page.waitForFunction((w) => document.documentElement.clientWidth <= w, width);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide} pixels wide on a screen of ${width}`);
      const table = await page.evaluate(() => {
        const { right } = document.querySelector('.channels').getBoundingClientRect();
        const cells = [...document.querySelectorAll('#channels td')];
        return cells.every((td) => td.getBoundingClientRect().right <= right);
      });
      assert.ok(table, `the table of channels is wider than its panel, at ${width}`);
      await page.screenshot({ path: `${FOLDER}/live-${colorScheme}-${width}.png`, fullPage: true });
    }
  }
  return `${FOLDER}/live-*.png`;
}

const opacity = (page, name) => page.evaluate((selector) => (
  Number(getComputedStyle(document.querySelector(selector)).opacity)), name);

// After a restart the numbers go on where they were, as far as the new process knows them. While it
// is down they are greyed out, and the button that has the focus keeps it and does nothing.
async function comesBack(page, server) {
  assert.equal(await opacity(page, '.charts'), 1);
  await page.focus('#more');
  await server.stop();
  await inState(page, 'connecting');
  assert.match(await note(page), /^Not connected: the numbers are those of \d+:\d+:\d+/);
  for (const part of ['.charts', '.channels']) assert.ok(await opacity(page, part) < 0.5);
  await page.screenshot({ path: `${FOLDER}/live-down.png`, fullPage: true });
  const before = await page.textContent('#asked');
  await page.keyboard.press('Enter');
  assert.equal(await page.textContent('#asked'), before);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'more');
  assert.equal(await page.getAttribute('#more', 'aria-disabled'), 'true');
  const again = await demo(server.port);
  await inState(page, 'open');
  await reaches(page, 'load', 'Followers', (n) => n === 20, 'the new numbers');
  assert.equal(await opacity(page, '.charts'), 1);
  return { again, detail: 'drained, connected again' };
}

async function isTakenByPromtool(server) {
  if (spawnSync('promtool', ['--version']).error) return 'no promtool here';
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const tool = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [tool.stdout, tool.stderr]) stream.on('data', (data) => { said += data; });
  tool.stdin.end(text);
  const status = await new Promise((resolve) => tool.on('close', resolve));
  assert.equal(said, '');
  assert.equal(status, 0);
  return `${text.split('\n').length} lines`;
}

export async function onLive(context) {
  let server = await demo();
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${server.url}/`);
  await page.click('nav a:has-text("Live")');
  await check('live: begins with a small load, and says so', () => beginsSmall(page));
  await check('live: followers by its buttons', () => followersComeAndGo(page));
  await check('live: events flow, and are measured', () => eventsFlow(page));
  await check('live: a look back', () => looksBack(page));
  await check('live: wide and narrow, light and dark', () => isShot(page));
  await check('live: promtool takes the metrics', () => isTakenByPromtool(server));
  await check('live: it restarts, the page comes back', async () => {
    const { again, detail } = await comesBack(page, server);
    server = again;
    return detail;
  });
  await check('live: no error in the page', async () => assert.deepEqual(errors, []));
  await check('live: ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
  await page.close();
}
