// Starts a headless Chromium.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { check } from './lib.mjs';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

function browserPath() {
  const path = PLACES.find((place) => place && existsSync(place));
  if (!path) throw new Error('no Chromium found; CHROMIUM=/path names one');
  return path;
}

// Returns undefined if the browser did not start, having said so.
export async function startBrowser(...more) {
  let browser;
  await check('Chromium starts', async () => {
    browser = await chromium.launch({
      executablePath: browserPath(), headless: true, args: [...FLAGS, ...more] });
    return browser.version();
  });
  return browser;
}
