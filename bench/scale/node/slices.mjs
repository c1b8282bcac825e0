// How long Node's loop is away while it does what the rows of bench/scale/rows/slices.lua do.
// usage: node slices.mjs BUILD ROW SIZE
import { spawn } from "node:child_process";
import { createServer } from "node:http";

const [build, row, sizeText] = process.argv.slice(2);
const size = Number(sizeText);
const data = `id: 1\ndata: ${"x".repeat(100)}\n\n`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Watches by a timer of 1 ms, as tools.probe does; returns a function that ends the watch.
function probe() {
  let last = process.cpuUsage();
  let longest = 0;
  const look = () => {
    const now = process.cpuUsage();
    longest = Math.max(longest, now.user + now.system - last.user - last.system);
    last = now;
  };
  const timer = setInterval(look, 1);
  return () => {
    look();
    clearInterval(timer);
    return longest / 1000;
  };
}

const streams = new Set();
const server = createServer((req, res) => {
  res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  res.write(":\n\n");
  res.on("close", () => streams.delete(res));
  streams.add(res);
});
server.keepAliveTimeout = 0;
await new Promise((resolve) => server.listen({ port: 0, host: "127.0.0.1" }, resolve));

let crowd;
async function open(count) {
  crowd = spawn(`${build}/crowd`, [server.address().port, count, "/"],
    { stdio: ["pipe", "inherit", "inherit"] });
  while (streams.size < count) await sleep(10);
  await sleep(100);
}

async function until(isSo) {
  while (!isSo()) await sleep(20);
  await sleep(100);
}

const sendAll = () => { for (const res of streams) res.write(data); };

const rows = {
  async flush() {
    await open(size * 16);
    const stop = probe();
    sendAll();
    await sleep(500);
    return stop();
  },
  async heartbeat() {
    await open(size);
    const stop = probe();
    for (const res of streams) setTimeout(() => res.write(":\n\n"), 500);
    await sleep(1000);
    return stop();
  },
  async "close-one"() {
    await open(size);
    const stop = probe();
    for (const res of streams) res.end();
    await until(() => streams.size === 0);
    return stop();
  },
  async cut() {
    await open(size);
    const stop = probe();
    crowd.stdin.write("cut\n");
    await until(() => streams.size === 0);
    return stop();
  },
  async arrive() {
    const stop = probe();
    await open(size);
    return stop();
  },
  async timers() {
    let fired = 0;
    for (let i = 0; i < size; i++) setTimeout(() => { fired++; }, 50);
    const stop = probe();
    await until(() => fired === size);
    return stop();
  },
};

console.log((await rows[row]()).toFixed(4));
process.exit(0);
