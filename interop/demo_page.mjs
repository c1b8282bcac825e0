// The demo's page (make demo) in a browser: what a person does with it, and a restart of the demo.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { check, demo, until } from './lib.mjs';

const SHOT = 'build/interop/demo.png';
const lines = (page, name, type) => page.locator(`#${name}-log li b`, { hasText: type }).count();

function inState(page, name, state) {
  return page.waitForFunction(
    ([id, text]) => document.getElementById(id).textContent === text, [`${name}-state`, state]);
}

// Waits until the panel's log has `count` lines of that type.
function logged(page, name, type, count) {
  return page.waitForFunction(([id, text, least]) => {
    const found = [...document.querySelectorAll(`#${id} b`)].filter((b) => b.textContent === text);
    return found.length >= least;
  }, [`${name}-log`, type, count]);
}

async function connectsAndLeaves(page) {
  await inState(page, 'clock', 'open');
  await logged(page, 'clock', 'message', 2);
  await page.click('#clock-disconnect');
  await inState(page, 'clock', 'closed');
  const before = await lines(page, 'clock', 'message');
  const last = await page.textContent('#clock-last');
  assert.match(last, /^\d+$/);
  // In two more seconds another panel has more events, and the closed clock has none.
  await page.click('#page-connect');
  await inState(page, 'page', 'closed');
  assert.equal(await lines(page, 'page', 'echo'), 10);
  assert.equal(await lines(page, 'clock', 'message'), before);
  await page.click('#clock-connect');
  await logged(page, 'clock', 'message', before + 1);
  return 'connected, received, disconnected, connected again';
}

// Waits for what the demo prints when its server notices something.
function waitForLine(server, pattern) {
  return until(() => server.lines.some((line) => pattern.test(line)), `${pattern} of the demo`);
}

// As many panels at work as possible, for the screenshot, and two of them half-way.
async function isComplete(page, server) {
  for (const name of ['fetch_post', 'notice', 'typewriter']) await page.click(`#${name}-connect`);
  await logged(page, 'fetch_post', 'piece', 4);
  await logged(page, 'notice', 'progress', 4);
  await page.locator('.paper', { hasText: '举头望明月' }).waitFor();
  mkdirSync('build/interop', { recursive: true });
  await page.screenshot({ path: SHOT, fullPage: true });
  await page.click('#fetch_post-disconnect');
  await waitForLine(server, /fetch_post.*stopped by the client/);
  await page.click('#monitor-disconnect');
  await waitForLine(server, /monitor.*closed by the client/);
  return SHOT;
}

async function comesBack(page, server) {
  await inState(page, 'clock', 'open');
  await server.stop();
  await inState(page, 'clock', 'connecting');
  const last = await page.textContent('#clock-last');
  const again = await demo(server.port);
  await logged(page, 'clock', 'resumed', 1);
  const entry = await page.locator('#clock-log li', { hasText: 'resumed after' }).textContent();
  assert.ok(entry.endsWith(`resumed after ${last}`), `${entry}, but the last id was ${last}`);
  await logged(page, 'clock', 'message', 1);
  return { again, detail: `resumed after ${last}` };
}

export async function onDemo(context) {
  let server = await demo();
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(server.url);
  await check('demo: the clock, by its buttons', () => connectsAndLeaves(page));
  await check('demo: all panels, a screenshot', () => isComplete(page, server));
  await check('demo: it restarts, the page comes back', async () => {
    const { again, detail } = await comesBack(page, server);
    server = again;
    return detail;
  });
  await check('demo: no error in the page', async () => assert.deepEqual(errors, []));
  await check('demo: ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
}
