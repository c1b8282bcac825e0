// What the pages of docs have in other languages than Lua, with the Lua that stands beside it: in a
// browser, in nginx.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import { startBrowser } from './browser.mjs';
import { check, daemon, freePort, lua, until } from './lib.mjs';
import { blockOf, blocksOf } from './pages.mjs';

const TWO = 'docs/howto/two-processes.md';
const SHOT = 'build/interop/dashboard.png';

// Starts a page's block of Lua, which serves at 9522, as a program; `changes` is a list of pairs.
async function start(folder, name, code, changes = [], ...args) {
  const port = await freePort();
  const file = join(folder, `${name}.lua`);
  const local = [['port = 9522', `port = ${port}`], ...changes]
    .reduce((text, [from, to]) => text.replaceAll(from, to), code);
  writeFileSync(file, local);
  const program = lua(file, ...args);
  const at = args.length ? Number(args[0]) : port;
  await until(() => {
    if (program.status !== undefined) throw new Error(`${name} ended: ${program.status}`);
    return fetch(`http://127.0.0.1:${at}/`).then(() => true, () => false);
  }, name);
  return { program, port: at, url: `http://127.0.0.1:${at}` };
}

async function progress(folder, page) {
  const [code] = blocksOf('docs/howto/progress.md', 'lua');
  const [script] = blocksOf('docs/howto/progress.md', 'js');
  const server = await start(folder, 'progress', code, [['sse.sleep(200)', 'sse.sleep(20)']]);
  await fetch(`${server.url}/jobs`, { method: 'POST' });
  await page.goto(`${server.url}/none`);
  await page.evaluate((text) => {
    window.bar = document.body.appendChild(document.createElement('progress'));
    window.bar.max = 100;
    window.source = new Function(`${text}; return source;`)(); // eslint-disable-line no-new-func
  }, script);
  await page.waitForFunction('source.readyState === 2');
  assert.equal(await page.evaluate('bar.value'), 100);
  await server.program.stop();
  return 'the bar is full, the source closed';
}

async function dashboard(folder, page) {
  const [code] = blocksOf('docs/howto/dashboard.md', 'lua');
  const [html] = blocksOf('docs/howto/dashboard.md', 'html');
  const file = join(folder, 'index.html');
  writeFileSync(file, html);
  const port = await freePort();
  const own = code.replace('port = 9522', `port = ${port}`).replace('"index.html"', `"${file}"`);
  const startServer = () => start(folder, 'dashboard', own, [], String(port));
  let server = await startServer();
  await page.goto(server.url);
  const one = "document.querySelector('#windows')?.textContent === '1'";
  await page.waitForFunction(one);
  await page.waitForFunction("Number(document.querySelector('#memory')?.textContent) > 0");
  mkdirSync('build/interop', { recursive: true });
  await page.screenshot({ path: SHOT });
  await server.program.stop();
  await page.waitForFunction("document.querySelector('#numbers').style.opacity === '0.4'");
  await page.evaluate('window.old = true');
  server = await startServer();
  await page.waitForFunction(`!window.old && ${one}`);
  await server.program.stop();
  return SHOT;
}

// A model of the page's own is asked; the answer is there after a reload.
async function model(folder, page) {
  const code = blocksOf('docs/models.md', 'lua').find((text) => text.includes('new_id'));
  const [script] = blocksOf('docs/models.md', 'js');
  const before = `local sse = require "sse"
    local service = {}
    local function ask(_, messages, write)
      for word in (messages[1].content .. " It is blue."):gmatch "%S+%s*" do
        write(word)
        sse.sleep(20)
      end
      return true
    end
    `;
  const server = await start(folder, 'models', before + code);
  await page.goto(`${server.url}/none`);
  await page.evaluate((text) => {
    window.output = document.body.appendChild(document.createElement('p'));
    const run = Object.getPrototypeOf(async () => {}).constructor;
    return new run('question', 'output', `${text}; window.source = source;`)('Why?', window.output);
  }, script);
  await page.waitForFunction('source.readyState === 2');
  assert.equal(await page.evaluate('output.textContent'), 'Why? It is blue.');
  await server.program.stop();
  return 'word by word';
}

// Starts a relay of that hub at a port.
function startRelay(folder, name, hub, port) {
  const relay = blockOf(TWO, 'lua', '-- relay.lua');
  return start(folder, name, relay, [['127.0.0.1:9522', `127.0.0.1:${hub.port}`]], String(port));
}

async function startNginx(folder, relays) {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((each) => `${each}_temp_path ${folder}/${each};`).join('\n');
  const config = blocksOf(TWO, 'nginx')[0].replace('listen 80', `listen 127.0.0.1:${port}`)
    .replace('9601', relays[0].port).replace('9602', relays[1].port);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, `daemon off; master_process off; pid ${folder}/nginx.pid;
    error_log /dev/null; events {} http { access_log off; ${temporary} ${config} }`);
  return { port, end: await daemon('nginx', ['-p', folder, '-c', file], port) };
}

// A hub, two relays, nginx before them. Each relay ends in turn, so the client has to go over from
// one to the other, and has each event once.
async function twoProcesses(folder) {
  const code = blockOf(TWO, 'lua', 'PUBLISH_KEY');
  const route = blockOf(TWO, 'lua', 'server:get("/hub"');
  process.env.PUBLISH_KEY = 'secret';
  const port = await freePort();
  const startHub = () => start(folder, 'hub', code.replace('port = 9522', `port = ${port}`)
    .replace('assert(server:run', `${route}assert(server:run`), [], String(port));
  let hub = await startHub();
  const relays = [];
  for (const name of ['left', 'right']) {
    relays.push(await startRelay(folder, name, hub, await freePort()));
  }
  const proxy = await startNginx(folder, relays);
  const publish = (text) => fetch(`${hub.url}/news`, {
    method: 'POST', body: text, headers: { Authorization: 'Bearer secret' } });
  const got = [];
  const source = new EventSource(`http://127.0.0.1:${proxy.port}/news`);
  source.onmessage = (event) => got.push(event.data);
  await until(() => source.readyState === EventSource.OPEN, 'the client');
  await publish('0');
  await until(() => got.length === 1, 'the first event');
  for (const [index, name] of ['left', 'right'].entries()) {
    await relays[index].program.stop();
    await publish(`${name} is away`);
    await until(() => got.length === index + 2, 'an event from the other relay');
    relays[index] = await startRelay(folder, name, hub, relays[index].port);
  }
  assert.deepEqual(got, ['0', 'left is away', 'right is away']);
  const gaps = [];
  source.addEventListener('sse-gap', (event) => gaps.push(JSON.parse(event.data).reason));
  await hub.program.stop();
  hub = await startHub();
  await until(() => gaps.length > 0, 'what the relay says of the hub\'s restart');
  assert.equal(gaps[0], 'unknown');
  source.close();
  await proxy.end();
  for (const each of [...relays, hub]) await each.program.stop();
  return got.join(', ');
}

// The tutorial's last stage, in two windows.
async function room(context) {
  const program = lua('examples/tutorial/4_come_back.lua', 'serve', '0');
  const url = await until(() => program.lines.find((line) => line.startsWith('http')), 'the room');
  const pages = [await context.newPage(), await context.newPage()];
  for (const page of pages) {
    await page.goto(url);
    await page.waitForFunction('source.readyState === 1');
  }
  await pages[0].fill('input', 'Hello <all>');
  await pages[0].press('input', 'Enter');
  for (const page of pages) await page.locator('li', { hasText: 'Hello <all>' }).waitFor();
  assert.equal(await pages[0].inputValue('input'), '');
  for (const page of pages) await page.close();
  await program.stop();
  return 'what one window says, both show';
}

export async function book() {
  const folder = mkdtempSync(join(tmpdir(), 'sse-'));
  const browser = await startBrowser();
  const context = await browser.newContext();
  const page = await context.newPage();
  await check('the tutorial\'s room', () => room(context));
  await check('the page of a long job', () => progress(folder, page));
  await check('the dashboard', () => dashboard(folder, page));
  await check("the page of a model's answer", () => model(folder, page));
  await check('two processes', () => twoProcesses(folder));
  await browser.close();
  rmSync(folder, { recursive: true });
}
