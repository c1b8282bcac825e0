// What the checks share: child processes that print lines, waits with a limit, one line for a
// check.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';

export const LUA = process.env.LUA || 'lua5.4';
const LIMIT = 15000;
const children = new Set();
let failures = 0;

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

export function within(promise, what, ms = LIMIT) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Calls look() until it returns something true.
export async function until(look, what, ms = LIMIT) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await look();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function check(name, test) {
  try {
    const detail = await within(Promise.resolve().then(test), name, 2 * LIMIT);
    console.log(`ok      ${name}${detail ? `: ${detail}` : ''}`);
  } catch (error) {
    failures += 1;
    console.log(`failed  ${name}: ${String(error.message).replace(/\n/g, '\n        ')}`);
  }
}

// Starts a program that listens on a port that was free, and waits until it does.
export async function daemon(command, args, port, env = process.env) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.on('data', (bytes) => { said += bytes; });
  children.add(child);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${said}`);
    const socket = net.connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    return open;
  }, command);
  return () => {
    child.kill('SIGTERM');
    return within(once(child, 'exit'), `${command} to end`);
  };
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function isFree(port) {
  const server = net.createServer().listen(port, '127.0.0.1');
  const free = await once(server, 'listening').then(() => true, () => false);
  server.close();
  return free;
}

export function finish() {
  console.log(failures ? `${failures} failed` : 'all ok');
  process.exit(failures ? 1 : 0);
}

// Starts a Lua program. lines: what it has printed; ended: its exit status, or its signal's name.
export function lua(...args) {
  return program(args, process.env);
}

function program(args, env, command = LUA) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const made = { child, lines: [] };
  children.add(child);
  createInterface({ input: child.stdout }).on('line', (line) => made.lines.push(line));
  made.ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      children.delete(child);
      made.status = signal || status;
      resolve(made.status);
    });
  });
  made.stop = () => {
    child.kill('SIGTERM');
    return within(made.ended, `${args[0] ?? command} to end`);
  };
  return made;
}

// A server that prints its port on a line of its own; returns it with `port` and `url`.
async function serving(server, pattern) {
  const port = await until(() => {
    if (server.status !== undefined) throw new Error(`the Lua server ended: ${server.status}`);
    return server.lines.map((line) => line.match(pattern)?.[1]).find(Boolean);
  }, 'the Lua server');
  return Object.assign(server, { port: Number(port), url: `http://127.0.0.1:${port}` });
}

// Starts interop/server.lua; with a certificate and its key, over TLS.
export async function luaServer(port = 0, ...pair) {
  const server = await serving(lua('interop/server.lua', String(port), ...pair), /^port (\d+)/);
  if (pair.length) server.url = server.url.replace('http:', 'https:');
  return server;
}

// Starts interop/tabs_server.lua with that JSON.
export async function tabsServer(asked) {
  const server = await serving(lua('interop/tabs_server.lua', JSON.stringify(asked)),
    /^port (\d+)/);
  if (asked.tls) server.url = server.url.replace('http:', 'https:');
  return server;
}

// Starts interop/proxied_server.lua.
export function proxiedServer(port, proxyPort, path, env = {}) {
  const args = ['interop/proxied_server.lua', String(port), String(proxyPort), path];
  return serving(program(args, { ...process.env, ...env }), /^port (\d+)/);
}

// Starts examples/mcp.lua with the tools of that file; `lines` is what it logs.
export async function mcpServer(tools) {
  const env = { ...process.env, MCP_TOOLS: tools };
  const server = await serving(program(['examples/mcp.lua', '0'], env),
    /http:\/\/127\.0\.0\.1:(\d+)\/mcp/);
  server.said = (text) => server.lines.filter((line) => line.includes(text)).length;
  return server;
}

// Starts examples/login.lua behind a proxy on this machine.
export function login(port) {
  const env = { ...process.env, TRUSTED_PROXIES: '127.0.0.1' };
  return serving(program(['examples/login.lua', 'serve', String(port)], env),
    /http:\/\/127\.0\.0\.1:(\d+)\//);
}

// Starts examples/board.lua, two workers on a file.
export function board(port, file) {
  const env = { ...process.env, BOARD_FILE: file };
  return serving(program(['examples/board.lua', String(port)], env),
    /http:\/\/127\.0\.0\.1:(\d+)\//);
}

// Starts scripts/demo_cluster.sh on two free ports that follow each other.
export async function cluster() {
  let port;
  do port = await freePort(); while (port > 65534 || !await isFree(port + 1));
  const env = { ...process.env, DEMO_PORT: String(port), LUA };
  const started = program([], env, 'scripts/demo_cluster.sh');
  const urls = [port, port + 1].map((each) => `http://127.0.0.1:${each}/`);
  await until(() => {
    if (started.status !== undefined) throw new Error(`the demo ended: ${started.status}`);
    return urls.every((url) => started.lines.includes(url));
  }, 'the demo of a cluster');
  return Object.assign(started, { urls });
}

export function demo(port = 0) {
  const env = { ...process.env, DEMO_PORT: String(port), NO_COLOR: '1' };
  return serving(program(['examples/demo/main.lua'], env), /http:\/\/127\.0\.0\.1:(\d+)\//);
}

// Runs interop/client.lua to its end; returns the objects that it printed.
export async function luaClient(...args) {
  const client = lua('interop/client.lua', ...args);
  const status = await within(client.ended, 'the Lua client');
  assert.equal(status, 0, `the Lua client's status is ${status}`);
  return client.lines.map((line) => JSON.parse(line));
}

// Starts an HTTP server on a free port of the loopback.
export async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.url = `http://127.0.0.1:${server.address().port}`;
  return server;
}

export async function closed(server) {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
