// examples/mcp.lua with the official client of the Model Context Protocol, in both revisions: each
// check is one of a client that negotiated 2025-11-25 or 2026-07-28.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, mcpServer, until, within } from './lib.mjs';

let Client;
let StreamableHTTPClientTransport;

const SESSIONS = '2025-11-25';
const POST_ALONE = '2026-07-28';
const TOOLS = 'examples/mcp/tools.lua';
const MORE = `
local tools = ...
table.insert(tools, { name = "later", description = "A tool that came later.",
  inputSchema = { type = "object" }, run = function() return "better late" end })
return tools`;

// A forwarder to that port whose connections can be cut.
async function forwarder(port) {
  const sockets = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => { to.destroy(); sockets.delete(from); });
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.cut = () => sockets.forEach((socket) => socket.destroy());
  server.url = `http://127.0.0.1:${server.address().port}/mcp`;
  return server;
}

// Connects a client. Its `errors` are what it reports besides the results of calls; `tools`
// becomes the list that it fetched after it was told that the tools are others.
async function connect(url, revision) {
  const made = { errors: [] };
  const negotiation = revision === POST_ALONE ? { mode: { pin: revision } } : { mode: 'legacy' };
  made.client = new Client({ name: 'interop', version: '1' }, {
    versionNegotiation: negotiation,
    listChanged: {
      tools: { debounceMs: 0, onChanged: (error, tools) => { made.tools = error ?? tools; } },
    },
  });
  made.client.onerror = (error) => made.errors.push(error.message);
  made.transport = new StreamableHTTPClientTransport(new URL(url));
  await made.client.connect(made.transport);
  return made;
}

function count(client, args, options) {
  return client.callTool({ name: 'count', arguments: args }, options);
}

async function listed({ client }, revision) {
  assert.equal(client.getNegotiatedProtocolVersion(), revision);
  assert.equal(client.getServerVersion().name, 'lua-sse-example');
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ['add', 'count', 'divide']);
  return `${tools.length} tools`;
}

async function called({ client }) {
  const sum = await client.callTool({ name: 'add', arguments: { a: 9007199254740991, b: -1 } });
  assert.deepEqual(sum.structuredContent, { sum: 9007199254740990 });
  const many = await Promise.all([1, 2, 3, 4, 5].map(
    (to) => count(client, { to, pause: 10 * (6 - to) })));
  assert.deepEqual(many.map((result) => result.content[0].text),
    [1, 2, 3, 4, 5].map((n) => `counted to ${n}`));
}

async function failed({ client }) {
  const wrong = await client.callTool({ name: 'divide', arguments: { a: 1, b: 0 } });
  assert.equal(wrong.isError, true);
  assert.match(wrong.content[0].text, /must not be 0/);
  const missing = await client.callTool({ name: 'divide', arguments: { a: 1 } });
  assert.equal(missing.isError, true);
  await assert.rejects(client.callTool({ name: 'none' }), { code: -32602 });
  await assert.rejects(client.callTool({ name: 'schön' }), { code: -32602 });
  return wrong.content[0].text;
}

async function progressed({ client }) {
  const seen = [];
  const result = await count(client, { to: 4, pause: 20 }, {
    onprogress: ({ progress, total, message }) => seen.push(`${progress}/${total} ${message}`),
  });
  assert.deepEqual(seen, ['1/4 at 1', '2/4 at 2', '3/4 at 3', '4/4 at 4']);
  assert.equal(result.content[0].text, 'counted to 4');
  return seen.join(', ');
}

async function cancelled({ client }, server, line) {
  const before = server.said(line);
  const controller = new AbortController();
  const call = count(client, { to: 1000, pause: 20 }, {
    signal: controller.signal,
    onprogress: ({ progress }) => { if (progress === 2) controller.abort('enough'); },
  });
  await assert.rejects(call, /enough/);
  await until(() => server.said(line) > before, line);
  return server.lines.findLast((text) => text.includes(line));
}

// Starts a call whose connection is cut after the second of six steps.
function cut(client, between, pause, signal) {
  const made = { seen: [] };
  made.call = count(client, { to: 6, pause }, {
    signal,
    onprogress: ({ progress }) => {
      made.seen.push(progress);
      if (progress === 2) between.cut();
    },
  });
  return made;
}

async function resumed({ client }, server, between) {
  const { seen, call } = cut(client, between, 300);
  const result = await call;
  assert.equal(result.content[0].text, 'counted to 6');
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
  assert.ok(server.said('lost its client') > 0);
  return server.lines.filter((line) => /stream [1-9].* goes on after/.test(line)).join('; ');
}

// The client (2.4.0) reports the broken stream, but lets the call wait for its timeout.
async function notResumed({ client, errors }, server, between) {
  const line = 'cancelled: the client has left';
  const [begun, left] = [server.said('begins'), server.said(line)];
  const controller = new AbortController();
  const { seen, call } = cut(client, between, 50, controller.signal);
  call.catch(() => {});
  await until(() => server.said(line) > left, line);
  const problem = await until(() => errors.find((text) => text.includes('disconnected')),
    'a report of the client');
  controller.abort('not resumed');
  await assert.rejects(call, /not resumed/);
  assert.deepEqual(seen, [1, 2]);
  await called({ client });
  assert.equal(server.said('begins'), begun + 7, 'the call was not sent again');
  return problem;
}

// New tools by SIGHUP, which the client hears of by its GET, or by subscriptions/listen.
async function changed(made, server, file) {
  made.tools = undefined;
  writeFileSync(file, `return load [==[${MORE}]==](dofile "${TOOLS}")\n`);
  server.child.kill('SIGHUP');
  const tools = await until(() => made.tools, 'the new tools');
  assert.deepEqual(tools.map((tool) => tool.name), ['add', 'count', 'divide', 'later']);
  const late = await made.client.callTool({ name: 'later' });
  writeFileSync(file, readFileSync(TOOLS));
  made.tools = undefined;
  server.child.kill('SIGHUP');
  await until(() => made.tools?.length === 3, 'the old tools');
  return late.content[0].text;
}

async function checkRevision(revision, server, between, file) {
  const made = await within(connect(between.url, revision), `a client of ${revision}`);
  const each = (name, test) => check(`MCP ${revision}: ${name}`, test);
  await each('list', () => listed(made, revision));
  await each('call', () => called(made));
  await each('error', () => failed(made));
  await each('progress', () => progressed(made));
  await each('the tools change', () => changed(made, server, file));
  if (revision === SESSIONS) {
    await each('cancel', () => cancelled(made, server, 'cancelled: by the client'));
    await each('a dropped connection is resumed', () => resumed(made, server, between));
  } else {
    await each('cancel', () => cancelled(made, server, 'cancelled: the client has left'));
    await each('a dropped connection is not', () => notResumed(made, server, between));
  }
  return made;
}

async function ended({ client, transport }, server) {
  await transport.terminateSession();
  await until(() => server.said('ended: by the client'), 'the end of the session');
  await client.close();
  return server.lines.filter((line) => line.includes('session 1: ')).length + ' lines of log';
}

// A client that knows both revisions takes the newer one.
async function negotiated(url) {
  const client = new Client({ name: 'both', version: '1' },
    { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  assert.equal(client.getNegotiatedProtocolVersion(), POST_ALONE);
  await client.close();
}

async function loadClient() {
  ({ Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client'));
}

export async function mcp() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    console.log('left out: the client of the Model Context Protocol needs Node 20');
    return;
  }
  await loadClient();
  const folder = mkdtempSync(join(tmpdir(), 'mcp-'));
  const file = join(folder, 'tools.lua');
  writeFileSync(file, readFileSync(TOOLS));
  const server = await mcpServer(file);
  const between = await forwarder(server.port);
  const old = await checkRevision(SESSIONS, server, between, file);
  await check(`MCP ${SESSIONS}: the session ends by DELETE`, () => ended(old, server));
  const made = await checkRevision(POST_ALONE, server, between, file);
  await check('MCP: both are offered', () => negotiated(between.url));
  await made.client.close();
  between.close();
  await check('MCP: the server ends by SIGTERM', async () => assert.equal(await server.stop(), 0));
  if (process.env.MCP_LOG) console.log(server.lines.join('\n'));
  rmSync(folder, { recursive: true });
}
