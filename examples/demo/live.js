// The live page: a channel's events become charts; buttons change the load. No library.
'use strict';

const WINDOW = 120; // seconds shown at most; at least a quarter of it
const GAP = 3; // seconds without a sample that break a line
const EDGE = { top: 16, right: 8, bottom: 18, left: 2 };
const LEAST_DELAY = 0.01; // ms: where the logarithmic scale begins

const samples = []; // oldest first
let hovered = null; // a time, or null: the newest
let charts = [];

const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function drawn(parent, tag, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// --- numbers as people read them: [number, unit] -------------------------------------------------

function rounded(value) {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, '') || '0';
}

function scaled(value, units) {
  let i = 0;
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000;
    i += 1;
  }
  return [rounded(value), units[i]];
}

const COUNTS = ['', 'k', 'M'];
const count = (value) => (value < 10000 ? [rounded(value), ''] : scaled(value, COUNTS));
const bytes = (value) => scaled(value, ['B/s', 'kB/s', 'MB/s', 'GB/s']);
const memory = (value) => scaled(value, ['B', 'kB', 'MB', 'GB']);
const delay = (ms) => (ms < 1 ? [rounded(ms * 1000), 'µs'] : scaled(ms, ['ms', 's']));
const percent = (value) => [rounded(value), '%'];

const tick = (format, value) => format(value).filter(Boolean).join('\u00a0');

// --- charts --------------------------------------------------------------------------------------

const CHARTS = [
  { title: 'Events delivered a second', fields: ['delivered'], format: count, wide: true },
  { title: 'Delay', fields: ['p50', 'p99'], format: delay, names: ['p50', 'p99'], log: true },
  { title: 'Followers', fields: ['followers'], format: count },
  { title: 'Events published a second', fields: ['published'], format: count, minor: true },
  { title: 'Bytes a second', fields: ['bytes'], format: bytes, minor: true },
  { title: 'Open connections', fields: ['connections'], format: count, minor: true },
  { title: 'Memory', fields: ['memory'], format: memory },
  { title: 'CPU', fields: ['cpu'], format: percent, least: 10 },
];

const SIDES = ['one', 'two'];

const STEPS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];

// The end of the scale: the next round number, or power of ten.
function ceiling({ least = 2, log }, value) {
  const wanted = Math.max(value, log ? 1 : least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * (log ? [1, 10] : STEPS).find((step) => step * power >= wanted * 0.999);
}

class Chart {
  constructor(about) {
    this.about = about;
    this.root = $('chart').content.cloneNode(true).firstElementChild;
    for (const kind of ['wide', 'minor']) {
      this.root.classList.toggle(kind, about[kind] === true); // minor: not on a phone
    }
    this.root.querySelector('h2').textContent = about.title;
    this.values = this.root.querySelector('.values');
    this.svg = this.root.querySelector('svg');
    this.svg.onpointermove = (event) => this.hover(event);
    this.svg.onpointerleave = () => show(null);
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  hover(event) {
    const box = this.svg.getBoundingClientRect();
    const part = (event.clientX - box.left - EDGE.left) / (box.width - EDGE.left - EDGE.right);
    show(newest() - span() * (1 - Math.min(1, Math.max(0, part))));
  }

  x(time) { return EDGE.left + (1 - (newest() - time) / span()) * this.width; }

  y(value) {
    const part = this.about.log
      ? Math.log(Math.max(value, LEAST_DELAY) / LEAST_DELAY) / Math.log(this.most / LEAST_DELAY)
      : value / this.most;
    return EDGE.top + (1 - part) * this.height;
  }

  // The values that have a line.
  ticks() {
    if (!this.about.log) return [this.most / 2, this.most];
    const list = [];
    for (let value = LEAST_DELAY * 10; value <= this.most * 1.001; value *= 10) list.push(value);
    return list.length > 3 ? list.filter((_, i) => (list.length - i) % 2 === 1) : list;
  }

  measure() {
    const { clientWidth, clientHeight } = this.svg;
    this.width = clientWidth - EDGE.left - EDGE.right;
    this.height = clientHeight - EDGE.top - EDGE.bottom;
    const all = this.about.fields.flatMap((field) => samples.map((s) => s[field] ?? 0));
    this.most = ceiling(this.about, Math.max(...all, 0));
    this.svg.setAttribute('viewBox', `0 0 ${clientWidth} ${clientHeight}`);
  }

  draw() {
    this.svg.replaceChildren();
    this.tell();
    if (this.svg.clientWidth === 0) return;
    this.measure();
    this.drawGrid();
    this.about.fields.forEach((field, i) => this.drawLine(field, SIDES[i]));
    for (const value of this.ticks()) {
      drawn(this.svg, 'text', { x: EDGE.left, y: Math.round(this.y(value)) - 4 },
        tick(this.about.format, value));
    }
    this.drawCursor();
  }

  drawGrid() {
    const right = EDGE.left + this.width;
    for (const value of this.ticks()) {
      const y = Math.round(this.y(value));
      drawn(this.svg, 'line', { class: 'grid', x1: EDGE.left, x2: right, y1: y, y2: y });
    }
    const base = Math.round(this.y(0));
    drawn(this.svg, 'line', { class: 'base', x1: EDGE.left, x2: right, y1: base, y2: base });
    if (hovered !== null) return;
    const below = base + 14;
    drawn(this.svg, 'text', { x: EDGE.left, y: below }, ago(span()));
    drawn(this.svg, 'text', { x: right, y: below, 'text-anchor': 'end' }, 'now');
  }

  // The points of a line, broken where samples are missing or have no value.
  parts(field) {
    const parts = [];
    let last;
    for (const sample of samples) {
      if (sample[field] == null) { last = null; continue; }
      if (!last || sample.time - last.time > GAP) parts.push([]);
      parts.at(-1).push([this.x(sample.time), this.y(sample[field])]);
      last = sample;
    }
    return parts;
  }

  drawLine(field, side) {
    const base = this.y(0);
    const parts = this.parts(field);
    for (const points of parts) {
      const path = `M${points.map((p) => p.map((n) => n.toFixed(1)).join(' ')).join('L')}`;
      if (this.about.fields.length === 1) {
        const ends = `L${points.at(-1)[0].toFixed(1)} ${base}L${points[0][0].toFixed(1)} ${base}Z`;
        drawn(this.svg, 'path', { class: 'area', d: path + ends });
      }
      drawn(this.svg, 'path', { class: `line ${side}`, d: path });
    }
  }

  drawCursor() {
    const sample = shown();
    if (!sample) return;
    const x = this.x(sample.time);
    if (hovered !== null) {
      const base = EDGE.top + this.height;
      drawn(this.svg, 'line', { class: 'cursor', x1: x, x2: x, y1: EDGE.top, y2: base });
      const at = Math.min(Math.max(x, EDGE.left + 24), EDGE.left + this.width - 24);
      drawn(this.svg, 'text', { class: 'when', x: at, y: base + 14 }, ago(newest() - sample.time));
    }
    this.about.fields.forEach((field, i) => {
      if (sample[field] == null) return;
      drawn(this.svg, 'circle', { class: `dot ${SIDES[i]}`, cx: x, cy: this.y(sample[field]), r: 4.5 });
    });
  }

  // The value at the cursor, in words.
  tell() {
    const sample = shown();
    const texts = this.about.fields.map((field) => {
      const value = sample?.[field];
      return value == null ? ['–', ''] : this.about.format(value);
    });
    this.values.replaceChildren(...texts.map(([number, unit], i) => {
      const name = this.about.names?.[i];
      return element('span', { className: SIDES[i] }, ...(name ? [element('i')] : []), number,
        element('small', { textContent: [unit, name].filter(Boolean).join(' ') }));
    }));
    const label = texts.map((text, i) => [this.about.names?.[i], ...text].filter(Boolean).join(' '));
    this.svg.setAttribute('aria-label', `${this.about.title}: ${label.join(', ')}`);
  }
}

function newest() { return samples.at(-1)?.time ?? 0; }

// How many seconds there are to show.
function span() {
  const known = samples.length > 0 ? newest() - samples[0].time : 0;
  return Math.min(WINDOW, Math.max(WINDOW / 4, known));
}

function ago(seconds) {
  if (seconds < 1) return 'now';
  return seconds % 60 === 0 ? `${seconds / 60} min ago` : `${Math.round(seconds)} s ago`;
}

// The sample at the cursor, or the newest.
function shown() {
  if (hovered === null || samples.length === 0) return samples.at(-1);
  return samples.reduce((best, sample) => (
    Math.abs(sample.time - hovered) < Math.abs(best.time - hovered) ? sample : best));
}

function show(time) {
  hovered = time;
  for (const chart of charts) chart.draw();
}

// --- what arrives --------------------------------------------------------------------------------

let asked = ''; // what the last click was answered, if it failed

// Says what is shown: old numbers, the load that the page began with, or what went wrong.
function tell() {
  const sample = samples.at(-1);
  const { followers, rate } = sample?.small ?? {};
  if (down() && sample) {
    const when = new Date(sample.time * 1000).toLocaleTimeString('en-GB');
    $('note').textContent = `Not connected: the numbers are those of ${when}. Trying again.`;
  } else if (asked || !sample?.small) {
    $('note').textContent = asked;
  } else {
    $('note').textContent = `A small load is running: ${followers} followers get ${rate} events `
      + 'a second. Change it, and watch.';
  }
}

const down = () => $('live').dataset.state !== 'open';

// Buttons that can't do anything are not disabled, which would take the focus away.
function setState(state) {
  $('live').dataset.state = state;
  $('live-state').textContent = state;
  document.body.classList.toggle('down', down());
  for (const button of $('live').querySelectorAll('button')) {
    button.ariaDisabled = String(down());
  }
  tell();
}

function showLoad(sample) {
  $('asked').value = sample.asked.toLocaleString('en');
  $('fewer').ariaDisabled = String(down() || sample.asked === 0);
  for (const id of ['more', 'many']) {
    $(id).ariaDisabled = String(down() || sample.asked >= sample.most);
  }
  for (const button of $('rate').children) {
    button.setAttribute('aria-pressed', String(Number(button.value) === sample.rate));
  }
}

function showChannels(rows) {
  const titles = [...document.querySelectorAll('thead th')].map((th) => th.textContent);
  const fields = ['followers', 'published', 'delivered', 'held', 'gaps', 'slow'];
  $('channels').replaceChildren(...rows.map((row) => element('tr', {},
    element('td', { textContent: row.name }),
    ...fields.map((field, i) => {
      const cell = element('td', { textContent: row[field].toLocaleString('en') });
      cell.dataset.title = titles[i + 1];
      return cell;
    }))));
}

let due = false;

// Many events at once, as after a reconnect, are drawn once.
function drawSoon() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    const sample = samples.at(-1);
    showLoad(sample);
    tell();
    showChannels(sample.channels);
    for (const chart of charts) chart.draw();
  });
}

function listen() {
  const source = new EventSource('live/stats');
  source.onopen = () => setState('open');
  source.onerror = () => setState(source.readyState === EventSource.CLOSED ? 'closed' : 'connecting');
  source.onmessage = (event) => {
    samples.push(JSON.parse(event.data));
    while (samples[0].time < newest() - WINDOW) samples.shift();
    drawSoon();
  };
}

// --- the load ------------------------------------------------------------------------------------

async function ask(what, number) {
  if (down()) return null;
  try {
    const response = await fetch(`live/${what}?count=${number}`, { method: 'POST' });
    if (!response.ok) throw new Error((await response.text()).trim());
    const now = await response.json();
    asked = '';
    if (samples.length > 0) {
      const { followers, rate, small } = now;
      showLoad(Object.assign(samples.at(-1), { asked: followers, rate, small }));
    }
    tell();
    return now;
  } catch (error) {
    asked = error.message;
    tell();
    return null;
  }
}

function askFollowers(more) {
  const last = samples.at(-1);
  if (!last || down()) return;
  const asked = Number($('asked').value.replace(/\D/g, '')); // by the click before, not yet told
  const wanted = Math.min(last.most, Math.max(0, asked + more));
  $('asked').value = wanted.toLocaleString('en');
  ask('followers', wanted);
}

function wire() {
  $('fewer').onclick = () => askFollowers(-100);
  $('more').onclick = () => askFollowers(100);
  $('many').onclick = () => askFollowers(500);
  for (const button of $('rate').children) button.onclick = () => ask('rate', button.value);
  for (const button of document.querySelectorAll('.burst')) {
    button.onclick = () => ask('burst', button.value);
  }
}

charts = CHARTS.map((about) => new Chart(about));
$('charts').append(...charts.map((chart) => chart.root));
wire();
setState('connecting');
listen();
