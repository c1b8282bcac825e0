// sse.json beside Node's JSON: generated documents, documents with a few bytes changed, and the
// JSON files around here. Both accept and refuse the same texts, find the same values, and see a
// fault at the same place. They may differ only in what is listed at `mayRefuse`.
// SSE_JSON_DOCUMENTS=10000 SSE_JSON_SEED=1 are how many, and which.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { documents, generator, mutated, paths } from './json_texts.mjs';
import { check, lua, within } from './lib.mjs';

const DOCUMENTS = Number(process.env.SSE_JSON_DOCUMENTS || 10000);
const SEED = Number(process.env.SSE_JSON_SEED || 1);
const MAX_DEPTH = 1000;
const SHOWN = 300;

// Runs interop/json.lua over records { mode, text, keys }; returns its lines.
async function ours(records) {
  const folder = mkdtempSync(join(tmpdir(), 'sse-json-'));
  try {
    const file = join(folder, 'records');
    writeFileSync(file, Buffer.concat(records.flatMap(({ mode, text, keys = [] }) => {
      const bytes = Buffer.from(text);
      const list = Buffer.from(JSON.stringify(keys));
      return [Buffer.from(`${mode} ${list.length} ${bytes.length}\n`), list, bytes];
    })));
    const program = lua('interop/json.lua', file);
    assert.equal(await within(program.ended, 'interop/json.lua', 25000), 0);
    assert.equal(program.lines.length, records.length);
    return program.lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function theirs(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: error.message };
  }
}

// What Node accepts and sse.json refuses: numbers too large for a double, half of a surrogate pair,
// many levels. `rest`: the text from the place that the message names.
const mayRefuse = [
  ['a number that is too large', (rest) => !Number.isFinite(Number(rest.match(/^[-+.\deE]+/)[0]))],
  ['half of a surrogate pair', (rest) => /^\\u(d[c-f]|d[89ab]..(?!\\ud[c-f]))/i.test(rest)],
  ['excessive nesting', (rest, before) => depthOf(before) === MAX_DEPTH],
];

function depthOf(text) {
  const brackets = text.replace(/"([^"\\]|\\.)*"/g, '');
  return (brackets.match(/[[{]/g) || []).length - (brackets.match(/[\]}]/g) || []).length;
}

function placeOf(text, message) {
  const byte = Number(message.match(/byte (\d+)\)$/)[1]);
  return Buffer.from(text).subarray(0, byte - 1).toString().length;
}

function isAllowed(text, message) {
  const place = placeOf(text, message);
  return mayRefuse.some(([what, test]) => message.includes(what) &&
    test(text.slice(place), text.slice(0, place)));
}

// Node tells the place of most faults.
function checkPlace(text, message, error) {
  const [, place] = error.match(/at position (\d+)/) || [];
  const expected = error.includes('Unexpected end of JSON input') ? text.length : place;
  if (expected !== undefined) assert.equal(placeOf(text, message), Number(expected), message);
}

function checkDecoded(text, line, replace) {
  const { value, error } = theirs(text);

  assert.ok(!line.startsWith('bad '), line);
  const message = line.startsWith('no ') && line.slice(3);
  if (error !== undefined) {
    assert.ok(message, 'not refused');
    if (!isAllowed(text, message)) checkPlace(text, message, error);
  } else if (message) {
    assert.ok(isAllowed(text, message), `refused: ${message}`);
  } else {
    const well = replace ? wellFormed(value) : value;
    assert.ok(isDeepStrictEqual(JSON.parse(line.slice(3)), well), `another value: ${line}`);
    assert.ok(!/[\u2028\u2029\u007f]|[^\\](\\\\)*\\\//.test(line), `written badly: ${line}`);
  }
}

// A copy with U+FFFD for each half of a surrogate pair.
function wellFormed(value) {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) =>
    [name.toWellFormed(), wellFormed(member)]));
}

// All differences, each with its text; raises if there is one.
function compare(records, lines, checkOne) {
  const differences = records.flatMap((record, i) => {
    try {
      checkOne(record, lines[i]);
      return [];
    } catch (error) {
      return [`${record.text.slice(0, SHOWN)}\n  ${error.message.slice(0, SHOWN)}`];
    }
  });
  assert.equal(differences.length, 0, `${differences.length} differ:\n${
    differences.slice(0, 5).join('\n')}`);
}

async function generated() {
  const random = generator(SEED);
  const records = documents(random, DOCUMENTS).map((text) => ({ mode: 'strict', text }));
  compare(records, await ours(records), ({ text }, line) => checkDecoded(text, line));
  return `${records.length} documents`;
}

async function changed() {
  const random = generator(SEED + 1);
  const records = documents(random, DOCUMENTS)
    .map((text) => ({ mode: 'strict', text: mutated(random, text) }));
  const lines = await ours(records);
  compare(records, lines, ({ text }, line) => checkDecoded(text, line));
  const refused = lines.filter((line) => line.startsWith('no ')).length;
  return `${records.length} texts, ${refused} of them refused`;
}

async function replaced() {
  const random = generator(SEED + 2);
  const records = documents(random, DOCUMENTS / 4, { halves: true })
    .map((text) => ({ mode: 'replace', text }));
  compare(records, await ours(records), ({ text }, line) => checkDecoded(text, line, true));
  return `${records.length} documents`;
}

// One value by its path; a path that leads nowhere, and a member that is null, give nil.
async function found() {
  const random = generator(SEED + 3);
  const records = documents(random, DOCUMENTS / 2).flatMap((text) =>
    paths(random, theirs(text).value).map(({ keys, value }) =>
      ({ mode: 'get', text, keys, value })));
  compare(records, await ours(records), ({ text, value }, line) => {
    if (line.startsWith('no ')) assert.ok(isAllowed(text, line), line);
    else if (value === undefined) assert.equal(line, 'nil');
    else assert.ok(isDeepStrictEqual(JSON.parse(line.slice(3)), value), `another value: ${line}`);
  });
  return `${records.length} paths`;
}

// Integers of 64 bits come out with all digits, which a double of Node's would not have.
async function integers() {
  const texts = [];
  for (let bit = 0n; bit < 64n; bit += 1n) {
    for (let near = -2n; near <= 2n; near += 1n) {
      for (const sign of [1n, -1n]) {
        const integer = sign * ((1n << bit) + near);
        if (BigInt.asIntN(64, integer) === integer) texts.push(String(integer));
      }
    }
  }
  const [line] = await ours([{ mode: 'strict', text: `[${texts.join(' , ')}]` }]);
  assert.equal(line, `ok [${texts.join(',')}]`);
  return `${texts.length} integers`;
}

async function files() {
  const records = readdirSync('.', { recursive: true })
    .filter((name) => /\.json$|\.map$/.test(name))
    .map((name) => ({ mode: 'strict', text: readFileSync(name, 'utf8') }));
  compare(records, await ours(records), ({ text }, line) => checkDecoded(text, line));
  return `${records.length} files`;
}

export async function json() {
  await check('sse.json and Node: generated documents', generated);
  await check('sse.json and Node: documents with changed bytes', changed);
  await check('sse.json and Node: half surrogate pairs, replaced', replaced);
  await check('sse.json and Node: single values', found);
  await check('sse.json and Node: integers of 64 bits', integers);
  await check('sse.json and Node: JSON files', files);
}
