// Draws README's picture, docs/demo.png: the demo's page in a browser while its panels are at work.
//
//    node interop/picture.mjs [FILE]
//
// The demo takes port 9522, which its page shows, so nothing else may listen there.
import { check, demo, finish } from './lib.mjs';
import { startBrowser } from './browser.mjs';

const [file = 'docs/demo.png'] = process.argv.slice(2);
const SIZE = { width: 1280, height: 900 };

const server = await demo(9522);
const browser = await startBrowser();
const context = await browser.newContext({ viewport: SIZE, colorScheme: 'light' });
const page = await context.newPage();
await page.goto(server.url);
// By script, since a click of the mouse would scroll the page.
const connect = (name) => (
  page.evaluate((id) => document.getElementById(id).click(), `${name}-connect`));
// Until the typewriter has sent so many characters.
const typed = (count) => page.waitForFunction((least) => (
  Number(document.getElementById('typewriter-last').textContent) >= least), count);

await check(`draws ${file}`, async () => {
  await typed(56); // by now the notices that came with the page have ended
  await page.waitForFunction(() => (
    document.getElementById('notice-state').textContent === 'closed'));
  await connect('notice');
  await typed(66);
  await connect('fetch_post');
  await page.waitForFunction(() => document.querySelectorAll('#fetch_post-log li').length > 3);
  const bottom = await page.evaluate(() => ( // of the second row of panels
    document.getElementById('fetch_post-log').closest('section').getBoundingClientRect().bottom));
  const size = { width: SIZE.width, height: Math.ceil(bottom) + 16 };
  await page.setViewportSize(size);
  await page.screenshot({ path: file });
  return `${size.width} by ${size.height}`;
});
await browser.close();
await server.stop();
finish();
