// What the checks share: children that speak in lines, waiting with a limit, and one line a check.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
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

// Calls look() until it gives something true.
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

export function finish() {
  console.log(failures ? `${failures} failed` : 'all ok');
  process.exit(failures ? 1 : 0);
}

// A Lua program; lines: what it printed so far; ended: its exit status, or its signal's name.
export function lua(...args) {
  const child = spawn(LUA, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const program = { child, lines: [] };
  children.add(child);
  createInterface({ input: child.stdout }).on('line', (line) => program.lines.push(line));
  program.ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      children.delete(child);
      program.status = signal || status;
      resolve(program.status);
    });
  });
  program.stop = () => {
    child.kill('SIGTERM');
    return within(program.ended, `${args[0]} to end`);
  };
  return program;
}

// interop/server.lua, listening.
export async function luaServer(port = 0) {
  const program = lua('interop/server.lua', String(port));
  const line = await until(() => {
    if (program.status !== undefined) throw new Error(`the Lua server ended: ${program.status}`);
    return program.lines.find((text) => text.startsWith('port '));
  }, 'the Lua server');
  program.port = Number(line.slice(5));
  program.url = `http://127.0.0.1:${program.port}`;
  return program;
}

// Runs interop/client.lua to its end: the objects it printed.
export async function luaClient(...args) {
  const program = lua('interop/client.lua', ...args);
  const status = await within(program.ended, 'the Lua client');
  assert.equal(status, 0, `the Lua client's status is ${status}`);
  return program.lines.map((line) => JSON.parse(line));
}

// An HTTP server on a free port of the loopback.
export async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.url = `http://127.0.0.1:${server.address().port}`;
  return server;
}

export async function closed(server) {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
