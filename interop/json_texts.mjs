// Random JSON texts, the same for the same seed.

// mulberry32: random(n) is a whole number below n.
export function generator(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6D2B79F5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor(((x ^ (x >>> 14)) >>> 0) / 2 ** 32 * n);
  };
}

const pick = (random, list) => list[random(list.length)];
const digits = (random, count) => Array.from({ length: count }, () => random(10)).join('');
const NAMES = ['a', 'b', 'id', 'data', '', '1', '-0', '__proto__', 'constructor', 'a longer name, '
  + 'past the forty bytes that Lua interns', '東京', 'x.y'];
const BLANKS = ['', '', '', '', ' ', '\n', '\r\n', '\t', '   '];

function blanks(random) {
  return pick(random, BLANKS);
}

function double(random) {
  const bytes = new DataView(new ArrayBuffer(8));
  do {
    for (let i = 0; i < 8; i += 2) bytes.setUint16(i, random(65536));
  } while (!Number.isFinite(bytes.getFloat64(0)));
  return bytes.getFloat64(0);
}

function number(random) {
  const sign = pick(random, ['', '', '-']);
  const whole = random(4) ? `${random(9) + 1}${digits(random, random(random(4) ? 5 : 24))}` : '0';
  switch (random(6)) {
    case 0: return `${sign}${random(1000)}`;
    case 1: return String(double(random));
    case 2: return String((random(2 ** 31) - 2 ** 30) / pick(random, [10, 100, 1000, 1e6]));
    case 3: return `${sign}${whole}`;
    case 4: return `${sign}${whole}.${digits(random, 1 + random(random(4) ? 8 : 40))}`;
    default: return `${sign}${whole}.${digits(random, 1 + random(30))}${pick(random, ['e', 'E'])}`
      + `${pick(random, ['', '+', '-'])}${random(random(2) ? 20 : 330)}`;
  }
}

const hex = (random, code) => {
  const text = `\\u${code.toString(16).padStart(4, '0')}`;
  return random(2) ? text : text.toUpperCase().replace('U', 'u');
};

function character(random, halves) {
  switch (random(halves ? 11 : 10)) {
    case 0: return pick(random, ['\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t']);
    case 1: return hex(random, random(0xD800));
    case 2: return hex(random, 0xE000 + random(0x2000));
    case 3: return hex(random, 0xD800 + random(0x400)) + hex(random, 0xDC00 + random(0x400));
    case 4: return String.fromCodePoint(0x10000 + random(0x100000));
    case 5: return pick(random, ['é', '漢', '\u2028', '\u2029', '\u007f', '/', '\uFEFF', '\uFFFF']);
    case 10: return hex(random, 0xD800 + random(0x800));
    default: return pick(random, [...'abcdefghij klmnopqrstuvwxyz0123456789:,{}[]']);
  }
}

function string(random, halves) {
  const length = random(random(8) ? 12 : 200);
  return `"${Array.from({ length }, () => character(random, halves)).join('')}"`;
}

function members(random, count, make) {
  return Array.from({ length: count }, () => blanks(random) + make() + blanks(random)).join(',')
    || blanks(random);
}

function value(random, depth, halves) {
  const kind = random(depth > 0 ? 8 : 5);
  const count = random(random(6) ? 5 : 20);
  switch (kind) {
    case 0: return pick(random, ['true', 'false', 'null']);
    case 1: case 2: return number(random);
    case 3: case 4: return string(random, halves);
    case 5: case 6: return `{${members(random, count, () => {
      const name = random(4) ? JSON.stringify(pick(random, NAMES)) : string(random, halves);
      return `${name}${blanks(random)}:${blanks(random)}${value(random, depth - 1, halves)}`;
    })}}`;
    default: return `[${members(random, count, () => value(random, depth - 1, halves))}]`;
  }
}

// Arrays and objects in each other, near the limit of 1,000.
function nested(random) {
  const depth = 990 + random(20);
  const opened = Array.from({ length: depth }, () => pick(random, ['[', '{"a":']));
  const closed = opened.map((text) => (text === '[' ? ']' : '}')).reverse();
  return opened.join('') + pick(random, ['1', '[]', '""']) + closed.join('');
}

// Many members, so that tables grow while they are made.
function long(random) {
  const count = 100 + random(600);
  if (random(2)) return `[${members(random, count, () => value(random, 1, false))}]`;
  return `{${members(random, count, () =>
    `"n${random(2 * count)}":${value(random, 1, false)}`)}}`;
}

export function documents(random, count, { halves = false } = {}) {
  return Array.from({ length: count }, () => {
    const kind = random(200);
    if (kind === 0) return nested(random);
    if (kind < 3) return long(random);
    return blanks(random) + value(random, 4, halves) + blanks(random);
  });
}

const PIECES = ['"', '\\', '\\u', '\\ud800', '{', '}', '[', ']', ',', ':', '-', '+', '.', 'e', '0',
  '1', '9'.repeat(400), 'null', 'tru', 'NaN', '\0', '\n', '\t', ' ', '\u00a0', '\ufeff', '/*', '//',
  "'", 'é', 'x', '1e400', '01'];

// The text with one to three changes: something left out, put in, replaced, or the end cut off.
export function mutated(random, text) {
  let result = text;
  for (let changes = 1 + random(3); changes > 0; changes -= 1) {
    const at = random(result.length + 1);
    const left = result.slice(0, at).toWellFormed();
    switch (random(8)) {
      case 0: result = left; break;
      case 1: case 2: result = left + result.slice(at + 1 + random(3)); break;
      case 3: case 4: result = left + pick(random, PIECES) + result.slice(at + 1); break;
      default: result = left + pick(random, PIECES) + result.slice(at);
    }
    result = result.toWellFormed();
  }
  return result;
}

// As sse.json has it without { null = true }: members that are null are absent.
function withoutNull(value) {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null)
    .map(([name, member]) => [name, withoutNull(member)]));
}

// Some paths into the value and past it, as keys of sse.json.get, with what they lead to: undefined
// where that is nothing, or a member that is null.
export function paths(random, root) {
  return Array.from({ length: 4 }, () => {
    const keys = [];
    let found = root;
    for (let steps = 1 + random(4); steps > 0; steps -= 1) {
      const inside = found !== null && typeof found === 'object';
      const names = inside ? Object.keys(found) : [];
      if (names.length === 0 || random(8) === 0) {
        keys.push(pick(random, ['none', 1, 99, '1']));
        const key = keys.at(-1);
        const matches = inside && Array.isArray(found) === (typeof key === 'number');
        found = matches && Object.hasOwn(found, Array.isArray(found) ? key - 1 : key)
          ? found[Array.isArray(found) ? key - 1 : key] : undefined;
      } else {
        const name = pick(random, names);
        keys.push(Array.isArray(found) ? Number(name) + 1 : name);
        found = found[name];
      }
      if (found === undefined) break;
    }
    const absent = found === null && typeof keys.at(-1) === 'string';
    return { keys, value: absent ? undefined : withoutNull(found) };
  });
}
