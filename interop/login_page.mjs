// The pages of examples/login.lua in a browser, behind nginx with TLS and HTTP/2: two windows and
// another browser of one user, and another user. What is for one reaches all of their windows and
// nobody else's, and a logout in one window ends them all.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { makeCertificates } from './certs.mjs';
import { check, closed, freePort, listening, login } from './lib.mjs';
import { nginx } from './transport.mjs';

const SHOT = 'build/interop/login.png';
const PASSWORDS = { ann: 'correct horse', bob: 'battery staple' };
const PROXIED = `proxy_http_version 1.1; proxy_set_header Connection '';
  proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Forwarded '';`;

// The server and nginx in front; `url` is what browsers see.
async function start() {
  const certs = makeCertificates();
  const origin = { port: await freePort() };
  const [port, endNginx] = await nginx(certs, PROXIED, 'http2', origin);
  const url = `https://localhost:${port}`;
  const server = await login(origin.port);
  return { url, stop: async () => { await endNginx(); return server.stop(); } };
}

async function open(context, url, errors) {
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  return page;
}

async function logIn(page, name, password = PASSWORDS[name]) {
  await page.fill('input[name=name]', name);
  await page.fill('input[name=password]', password);
  await page.click('button');
}

function shows(page, id, wanted) {
  return page.waitForFunction(([place, text]) => (
    document.getElementById(place)?.textContent === text), [id, wanted]);
}

// Who is online, in one text.
function showsOnline(page, wanted) {
  return page.waitForFunction((text) => (
    [...document.querySelectorAll('#online li')].map((item) => item.textContent).join() === text),
  wanted);
}

const isAtLogin = (page) => page.waitForSelector('input[name=password]');

const messages = (page) => page.locator('#messages li').allTextContents();

async function logsIn({ url, one, contexts }) {
  await isAtLogin(one);
  mkdirSync('build/interop', { recursive: true });
  await one.screenshot({ path: 'build/interop/login-form.png' });
  assert.equal(one.url(), `${url}/login?next=/`);
  await logIn(one, 'ann', 'wrong');
  await one.waitForSelector('#failed:not([hidden])');
  await logIn(one, 'ann');
  await shows(one, 'name', 'ann');
  assert.equal(one.url(), `${url}/`);
  const [cookie] = await contexts[0].cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite],
    ['__Host-session', true, true, 'Lax']);
  return cookie.name;
}

async function isPrivate({ anns, bob }) {
  for (const page of [...anns, bob]) await showsOnline(page, 'ann,bob');
  assert.equal(await bob.inputValue('#to'), 'ann');
  await bob.fill('#text', 'Lunch at <b>one</b>?');
  await bob.click('#send');
  await shows(bob, 'state', 'sent to ann');
  for (const page of anns) {
    await page.waitForSelector('#messages li');
    assert.deepEqual(await messages(page), ['bobLunch at <b>one</b>?']);
  }
  await anns[0].selectOption('#to', 'bob');
  await anns[0].fill('#text', 'See you there.');
  await anns[0].click('#send');
  await bob.waitForSelector('#messages li');
  assert.deepEqual(await messages(bob), ['annSee you there.']);
  for (const page of anns) assert.equal((await messages(page)).length, 1);
  await anns[1].screenshot({ path: SHOT });
  return `three windows, and not a fourth; ${SHOT}`;
}

// A form on a page of another site, sent with all that the browser would send along.
async function isSafeFromOthers({ url, anns, contexts }, errors) {
  const site = await listening(http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<form method="post" action="${url}/logout"><button>Win!</button></form>`);
  }));
  const page = await open(contexts[0], site.url, errors);
  const [response] = await Promise.all([page.waitForNavigation(), page.click('button')]);
  assert.equal(response.status(), 403);
  await page.close();
  await closed(site);
  await anns[0].reload();
  await shows(anns[0], 'name', 'ann');
  await anns[0].waitForSelector('#messages li');
  return 'refused, and still logged in';
}

async function logsOut({ anns, bob }) {
  await anns[0].click('#logout');
  for (const page of anns) await isAtLogin(page);
  await showsOnline(bob, 'bob');
  assert.equal(await bob.textContent('#name'), 'bob');
  return 'all of one user, and nobody else';
}

export async function onLogin(browser) {
  const server = await start();
  const errors = [];
  const options = { ignoreHTTPSErrors: true, viewport: { width: 720, height: 420 } };
  const contexts = [];
  for (let i = 0; i < 3; i += 1) contexts.push(await browser.newContext(options));
  const one = await open(contexts[0], server.url, errors);
  const all = { url: server.url, contexts, one };
  await check('login: a form, a cookie', () => logsIn(all));
  const two = await open(contexts[0], server.url, errors);
  const elsewhere = await open(contexts[1], server.url, errors);
  await logIn(elsewhere, 'ann');
  all.anns = [one, two, elsewhere];
  all.bob = await open(contexts[2], server.url, errors);
  await logIn(all.bob, 'bob');
  await check('login: a message reaches one user, in all windows', () => isPrivate(all));
  await check('login: a page of another site', () => isSafeFromOthers(all, errors));
  await check('login: a logout in one window', () => logsOut(all));
  await check('login: no error in the pages', async () => assert.deepEqual(errors, []));
  for (const context of contexts) await context.close();
  await check('login: ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
}
