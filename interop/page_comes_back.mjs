// The script of docs/production.md that makes a new EventSource after a 502, in Chromium, behind an
// nginx that answers 502 while the server is away.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBrowser } from './browser.mjs';
import { check, daemon, freePort, lua, until } from './lib.mjs';
import { blocksOf } from './pages.mjs';

const PAGE = 'docs/production.md';

async function startNginx(folder, app) {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`).join('\n');
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, `daemon off; master_process off; pid ${folder}/nginx.pid;
    error_log /dev/null; events {} http { access_log off; ${temporary}
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${app};
    proxy_http_version 1.1; proxy_set_header Connection ""; } } }`);
  return { port, end: await daemon('nginx', ['-p', folder, '-c', file], port) };
}

async function startServer(port) {
  const server = lua('interop/behind_server.lua', String(port));
  await until(() => server.lines.some((line) => line.startsWith('port ')), 'the server');
  return server;
}

async function comesBack(page, url, app, server) {
  const say = (text) => fetch(`${url}/news`, { method: 'POST', body: text });
  await page.goto(`${url}/`);
  await page.evaluate((script) => {
    window.shown = [];
    const made = [];
    const run = new Function('show', 'EventSource', script); // eslint-disable-line no-new-func
    run((text) => window.shown.push(text), class extends EventSource {
      constructor(path) {
        super(path);
        made.push(this);
        window.made = made;
      }
    });
  }, blocksOf(PAGE, 'js')[0]);
  await until(async () => {
    await say('one');
    return page.evaluate('shown.length > 0');
  }, 'the first event');
  await server.stop();
  await page.waitForFunction('made[0].readyState === 2');
  const again = await startServer(app);
  await page.waitForFunction('made.length > 1');
  const asked = await page.evaluate('made[1].url');
  assert.match(asked, /lastEventId=\w+-\d+$/);
  await until(async () => {
    await say('two');
    return page.evaluate("shown.includes('two')");
  }, 'an event after the restart');
  return { again, detail: new URL(asked).search };
}

export async function pageComesBack() {
  const browser = await startBrowser();
  if (!browser) return;
  const page = await (await browser.newContext()).newPage();
  const folder = mkdtempSync(join(tmpdir(), 'sse-'));
  const app = await freePort();
  let server = await startServer(app);
  const nginx = await startNginx(folder, app);
  await check('a page that makes a new EventSource after a 502', async () => {
    const { again, detail } = await comesBack(page, `http://127.0.0.1:${nginx.port}`, app, server);
    server = again;
    return detail;
  });
  await nginx.end();
  await page.close();
  await server.stop();
  rmSync(folder, { recursive: true });
  await browser.close();
}
