// What rows of bench/scale/rows/costs.lua do, in Node: node costs.mjs BUILD NAME SIZE.
const [, , , name, given] = process.argv;
const size = Number(given);
const cpu = () => { const c = process.cpuUsage(); return c.user + c.system; };
const sleep = () => new Promise((done) => setTimeout(done, 1));

const rows = {
  async sleep() {
    const began = performance.now();
    for (let i = 0; i < 300; i++) await sleep();
    return (performance.now() - began) / 300;
  },
  async sleeps() {
    const rounds = Math.max(5, Math.floor(2000 / size)), began = cpu(), tasks = [];
    const task = async () => { for (let i = 0; i < rounds; i++) await sleep(); };
    for (let i = 0; i < size; i++) tasks.push(task());
    await Promise.all(tasks);
    return (cpu() - began) / size / rounds;
  },
  async listener() {
    const { setMaxListeners } = await import("node:events");
    const target = new AbortController().signal, times = Math.max(100, Math.floor(200000 / size));
    setMaxListeners(0, target);
    for (let i = 0; i < size; i++) target.addEventListener("abort", () => i);
    const fn = () => 0, began = cpu();
    for (let i = 0; i < times; i++) {
      target.addEventListener("abort", fn);
      target.removeEventListener("abort", fn);
    }
    return (cpu() - began) / times;
  },
};
console.log(await rows[name]());
