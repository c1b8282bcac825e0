// The demo's page in a browser: its panels, driven by their buttons, and a restart of the demo
// while they are open.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { check, lua, until } from './lib.mjs';

const SHOT = 'build/interop/demo.png';

async function startDemo(port) {
  process.env.DEMO_PORT = String(port);
  const demo = lua('examples/demo/main.lua');
  const url = await until(() => {
    if (demo.status !== undefined) throw new Error(`the demo ended: ${demo.status}`);
    return demo.lines.join('\n').match(/http:\/\/[\d.]+:(\d+)\//);
  }, 'the demo');
  [demo.url, demo.port] = url;
  demo.till = (pattern) => until(() => demo.lines.find((line) => pattern.test(line)), `${pattern}`);
  return demo;
}

function panel(page, name) {
  const text = (part) => page.locator(`#${name}-${part}`).textContent();
  return {
    click: (part) => page.click(`#${name}-${part}`),
    last: () => text('last'),
    log: () => text('log'),
    lines: () => page.locator(`#${name}-log li`).count(),
    state: (state) => until(async () => await text('state') === state, `${name}: ${state}`),
    logged: (pattern) => until(async () => (await text('log')).match(pattern),
      `${pattern} in the log of ${name}`),
  };
}

async function drive(page, demo) {
  const clock = panel(page, 'clock');
  await clock.state('open');
  await clock.logged(/message\d\d:\d\d:\d\d.*message\d\d:\d\d:\d\d/s);
  assert.match(await clock.last(), /^\d+$/);
  await clock.click('disconnect');
  await clock.state('closed');
  const lines = await clock.lines();
  const monitor = panel(page, 'monitor');
  await monitor.logged(/data\{"date":/);
  await monitor.click('disconnect');
  await demo.till(/monitor.*closed by the client/);
  assert.equal(await clock.lines(), lines, 'nothing comes after a disconnect');
  await clock.click('connect');
  await clock.state('open');
  await until(async () => await clock.lines() > lines + 1, 'the time again');
  return 'receive, disconnect, connect';
}

async function tryOthers(page, demo) {
  const fetchPost = panel(page, 'fetch_post');
  await fetchPost.click('connect');
  const ten = panel(page, 'page');
  await ten.click('connect');
  await ten.logged(/echo\{.*你好, world/);
  await until(async () => await ten.last() === '3', 'the third of ten');
  await fetchPost.logged(/pieceasked:/);
  await page.locator('text=举头望明月').waitFor();
  await panel(page, 'notice').logged(/noticeMaintenance tonight\.\nFrom/);
  await panel(page, 'notice').logged(/doneThe task is done\.closed/);
  mkdirSync('build/interop', { recursive: true });
  await page.screenshot({ path: SHOT, fullPage: true });
  await fetchPost.click('disconnect');
  await demo.till(/fetch_post.*stopped by the client/);
  return SHOT;
}

async function restartDemo(page, demo) {
  const clock = panel(page, 'clock');
  assert.equal(await demo.stop(), 0);
  await clock.state('connecting');
  const last = await clock.last();
  const again = await startDemo(demo.port);
  await clock.logged(new RegExp(`resumedresumed after ${last}`));
  await clock.state('open');
  await page.locator(`text=resumed after ${last} >> nth=0`).waitFor();
  return { again, detail: `Last-Event-ID ${last}` };
}

export async function onDemo(context) {
  let demo = await startDemo(0);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(demo.url);
  await check('Chromium: the demo\'s clock', () => drive(page, demo));
  await check('Chromium: the demo\'s other panels', () => tryOthers(page, demo));
  await check('Chromium: the demo restarts', async () => {
    const { again, detail } = await restartDemo(page, demo);
    demo = again;
    return detail;
  });
  await check('Chromium: no error on the demo\'s page', () => assert.deepEqual(errors, []));
  await check('the demo ends by SIGTERM', async () => assert.equal(await demo.stop(), 0));
  await page.close();
}
