// What the demo's page owes to those who look at it closely: nothing happens in silence, the focus
// stays, curl's lines are whole, and on a phone there is less of all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { check, demo, within } from './lib.mjs';

const FOLDER = 'build/interop';

const focused = (page) => page.evaluate(() => document.activeElement.id);

function inState(page, name, state) {
  return page.waitForFunction(
    ([id, text]) => document.getElementById(id).textContent === text, [`${name}-state`, state]);
}

async function keepsFocus(page) {
  await inState(page, 'clock', 'open');
  await page.focus('#clock-disconnect');
  await page.keyboard.press('Enter');
  await inState(page, 'clock', 'closed');
  assert.equal(await focused(page), 'clock-connect');
  await page.keyboard.press('Enter');
  await inState(page, 'clock', 'open');
  assert.equal(await focused(page), 'clock-disconnect');
  await page.focus('#notice-disconnect'); // a panel that is closed by itself takes no focus
  await page.click('#fetch_post-connect');
  await page.click('#fetch_post-disconnect');
  assert.equal(await focused(page), 'fetch_post-connect');
}

async function explainsFive(page) {
  const tip = page.locator('#tip');
  assert.equal(await tip.isVisible(), false);
  await page.focus('#why');
  assert.equal(await tip.isVisible(), true);
  assert.match(await tip.textContent(), /six connections/);
  await page.keyboard.press('Escape');
  assert.equal(await tip.isVisible(), false);
  await page.hover('#why');
  assert.equal(await tip.isVisible(), true);
  await page.mouse.move(1, 1);
}

// Opens panels until one has to make room: that one says so, and so does a line above all.
async function closesNoneInSilence(page) {
  const closed = () => page.locator('.reason.aloud:visible').count();
  const names = ['clock', 'notice', 'typewriter', 'monitor', 'page', 'fetch_post', 'resume'];
  for (const name of names) {
    if (await closed() > 0) break;
    if (await page.isEnabled(`#${name}-connect`)) await page.click(`#${name}-connect`);
  }
  const reason = await page.locator('.reason.aloud:visible').first().textContent();
  assert.match(reason, /^closed to make room for “.+”$/);
  assert.ok((await page.textContent('#said')).endsWith(`: ${reason}.`));
  return page.textContent('#said');
}

// The first bytes that a line of shell prints.
function firstOutput(line) {
  const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const first = new Promise((resolve) => { child.stdout.once('data', resolve); });
  return within(first, line).finally(() => process.kill(-child.pid)).then(String);
}

async function copiesCurl(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const copied = [];
  for (const name of ['clock', 'resume']) {
    await page.click(`#${name}-copy`);
    await page.waitForFunction((id) => (
      document.getElementById(id).textContent === 'Copied'), `${name}-copy`);
    const line = await page.evaluate(() => navigator.clipboard.readText());
    const code = page.locator('.panel', { has: page.locator(`#${name}-copy`) }).locator('.curl');
    assert.equal(line, await code.textContent());
    assert.ok(await code.evaluate((node) => node.scrollWidth <= node.clientWidth));
    copied.push((await firstOutput(line)).split('\n')[0]);
  }
  return copied.join('; ');
}

// Over plain HTTP from another machine a browser has no navigator.clipboard.
async function copiesWithoutClipboard(page) {
  const say = (answer) => page.evaluate((value) => {
    Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true });
    document.execCommand = () => value;
  }, answer);
  const told = (text) => page.waitForFunction((wanted) => (
    document.getElementById('clock-copy').textContent === wanted), text);
  await told('Copy');
  await page.focus('#clock-copy');
  for (const [answer, text] of [[true, 'Copied'], [false, 'Not allowed']]) {
    await say(answer);
    await page.keyboard.press('Enter');
    await told(text);
    assert.equal(await focused(page), 'clock-copy');
  }
  assert.equal(await page.locator('textarea').count(), 0);
}

async function speaksEnglishFirst(page) {
  const input = page.locator('input[aria-label="content"]');
  assert.equal(await input.inputValue(), 'Hello, world');
  await page.click('button[lang="zh"]');
  assert.equal(await input.inputValue(), '你好，世界');
  assert.equal(await page.textContent('#fetch_post-connect'), 'Send');
  const [english, chinese] = await page.locator('.paper .text').all();
  await english.filter({ hasText: 'Moonlight' }).waitFor();
  assert.equal(await chinese.getAttribute('lang'), 'zh');
}

// What a phone shows: the major panels, no log, letters that iOS does not zoom.
async function fitsPhone(browser, url) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(url);
  await inState(page, 'clock', 'open');
  assert.equal(await page.locator('.panel:visible').count(), 3);
  assert.equal(await page.locator('.log:visible').count(), 0);
  assert.equal(await page.textContent('#count'), '1'); // no panel connects that nobody sees
  const sizes = await page.locator('input').evaluateAll((list) => (
    list.map((node) => parseFloat(getComputedStyle(node).fontSize))));
  assert.ok(sizes.every((size) => size >= 16), sizes.join());
  const toggle = page.locator('.toggle').first();
  await toggle.click();
  assert.equal(await page.locator('.log:visible').count(), 1);
  assert.equal(await toggle.getAttribute('aria-expanded'), 'true');
  await page.click('#all');
  assert.equal(await page.locator('.panel:visible').count(), 7);
  await inState(page, 'monitor', 'open');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390));
  await context.close();
}

async function isShot(browser, url) {
  mkdirSync(FOLDER, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    for (const [width, height] of [[1280, 900], [390, 844]]) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme });
      const page = await context.newPage();
      await page.goto(url);
      await inState(page, 'clock', 'open');
      await page.waitForFunction(() => (
        document.getElementById('clock-last').textContent !== 'none'));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide} pixels wide on a screen of ${width}`);
      await page.screenshot({ path: `${FOLDER}/demo-${colorScheme}-${width}.png`, fullPage: true });
      await context.close();
    }
  }
  return `${FOLDER}/demo-*.png`;
}

export async function onDesign(browser) {
  const server = await demo();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(server.url);
  await check('demo: the focus stays with the buttons', () => keepsFocus(page));
  await check('demo: English first', () => speaksEnglishFirst(page));
  await check('demo: a tooltip explains the five streams', () => explainsFive(page));
  await check('demo: no panel is closed in silence', () => closesNoneInSilence(page));
  await check('demo: the lines of curl are whole, and copied', () => copiesCurl(page));
  await check('demo: copies where there is no clipboard', () => copiesWithoutClipboard(page));
  await check('demo: fewer panels on a phone', () => fitsPhone(browser, server.url));
  await check('demo: wide and narrow, light and dark', () => isShot(browser, server.url));
  await check('demo: no error in its page', async () => assert.deepEqual(errors, []));
  await context.close();
  await server.stop();
}
