// The page of examples/resume.lua in a browser: a reload in the middle of an answer, a second
// window, a restart of the server between two answers. Each page shows the whole text, once.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { check, demo } from './lib.mjs';

const SHOT = 'build/interop/resume.png';

function whole(question) {
  const numbers = Array.from({ length: 60 }, (_, i) => i + 1).join(' ');
  return `This is answer 1. You said: ${question} ${numbers}`;
}

const text = (page) => page.textContent('#text');

function inState(page, state) {
  return page.waitForFunction((wanted) => (
    document.getElementById('state').textContent === wanted), state);
}

function hasWords(page, count) {
  return page.waitForFunction((least) => (
    document.getElementById('text').textContent.split(/\s+/).length > least), count);
}

async function ask(page, question) {
  await page.fill('#input', question);
  await page.click('#ask');
  await page.waitForFunction((asked) => (
    document.getElementById('question').textContent === asked), question);
  await hasWords(page, 8);
}

async function isWhole(page, question) {
  await inState(page, 'complete');
  assert.equal(await text(page), whole(question));
  assert.equal(await page.textContent('#question'), question);
}

async function reloads(page) {
  await ask(page, 'Why?');
  const before = await text(page);
  await page.reload();
  await hasWords(page, 12);
  assert.ok((await text(page)).startsWith(before));
  const [second] = await Promise.all([page.context().waitForEvent('page'), page.click('#again')]);
  await hasWords(second, 16);
  assert.notEqual(await page.textContent('#state'), 'complete');
  mkdirSync('build/interop', { recursive: true });
  await page.screenshot({ path: SHOT });
  await Promise.all([isWhole(page, 'Why?'), isWhole(second, 'Why?')]);
  await second.reload();
  await isWhole(second, 'Why?');
  await second.close();
  return `${whole('Why?').length} characters, four times; ${SHOT}`;
}

// The address of an answer, as another page would open it.
async function open(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function restarts(page, server) {
  const old = page.url();
  await server.stop();
  const again = await demo(server.port);
  assert.equal(await text(page), whole('Why?'));
  await ask(page, 'And now?');
  assert.notEqual(page.url(), old);
  await page.reload();
  const second = await open(page.context(), page.url());
  await Promise.all([isWhole(page, 'And now?'), isWhole(second, 'And now?')]);
  const third = await open(page.context(), old);
  await inState(third, 'the server has this answer no more');
  assert.equal(await text(third), '');
  await second.close();
  await third.close();
  return { again, detail: 'the next answer is whole; the old one is told to be gone' };
}

async function stops(page) {
  await ask(page, 'Stop it');
  await page.click('#stop');
  await inState(page, 'failed: stopped');
  const shown = await text(page);
  assert.ok(whole('Stop it').startsWith(shown) && shown.length < whole('Stop it').length);
  await page.reload();
  await inState(page, 'failed: stopped');
  assert.equal(await text(page), shown);
}

// The panel of the demo: disconnected in the middle, and connected again, it shows all from the
// beginning, once.
async function panel(page, url) {
  await page.goto(`${url}/`);
  const shown = page.locator('section', { hasText: 'An answer that stays' }).locator('.text');
  const hasText = (end) => shown.filter({ hasText: end }).waitFor();
  await page.click('#resume-connect');
  await hasText('blue? 1 2');
  await page.click('#resume-disconnect');
  await page.click('#resume-connect');
  await hasText('3 4 5 6');
  assert.ok(whole('Why is the sky blue?').startsWith(await shown.textContent()));
}

export async function onResume(context) {
  let server = await demo();
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${server.url}/resume/`);
  await check('resume: a reload, a second window', () => reloads(page));
  await check('resume: the server restarts between two answers', async () => {
    const { again, detail } = await restarts(page, server);
    server = again;
    return detail;
  });
  await check('resume: stopped by its button', () => stops(page));
  await check('resume: the panel of the demo', () => panel(page, server.url));
  await check('resume: no error in the page', async () => assert.deepEqual(errors, []));
  await check('resume: ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
  await page.close();
}
