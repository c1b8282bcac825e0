// make interop: our JSON and tokens beside those of others; our server with other people's clients,
// over HTTP/2 too; our client with other people's servers; our server behind other people's
// proxies; what the pages of docs have beside Lua; the demo's page in a browser; a login there; a
// page of many streams; examples/mcp.lua with the official client. Prints a line for each check;
// the exit status is not 0 if one failed.
import { book } from './book.mjs';
import { compressed } from './compressed.mjs';
import { fromTheirs } from './from_theirs.mjs';
import { inBrowser, login } from './in_browser.mjs';
import { json } from './json.mjs';
import { jwt } from './jwt.mjs';
import { check, finish } from './lib.mjs';
import { manyTabs } from './many_tabs.mjs';
import { mcp } from './mcp.mjs';
import { overHttp2 } from './over_http2.mjs';
import { pageComesBack } from './page_comes_back.mjs';
import { proxies } from './proxies.mjs';
import { toOurs } from './to_ours.mjs';
import { transport } from './transport.mjs';

const parts = {
  json, jwt, toOurs, compressed, overHttp2, fromTheirs, transport, proxies, pageComesBack, book,
  inBrowser, login, manyTabs, mcp,
};
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !parts[name]);
if (unknown) {
  console.error(`there is no part '${unknown}', but these: ${Object.keys(parts).join(' ')}`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : Object.keys(parts)) {
  await parts[name]().catch((error) => check(name, () => { throw error; }));
}
finish();
