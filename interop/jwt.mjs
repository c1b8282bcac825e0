// sse.jwt beside jose: each verifies what the other has signed, with keys as JSON Web Keys, sets of
// them, and PEM, and refuses what was changed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as jose from 'jose';
import { check, lua, within } from './lib.mjs';

const ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA'];
const NOW = Math.floor(Date.now() / 1000);

const CLAIMS = [
  {},
  { sub: 'ann', exp: NOW + 600, nbf: NOW - 1, iat: NOW, jti: 'x' },
  { iss: 'https://a.example', roles: ['a', { b: [1, -2.5, 1e21] }], yes: true },
  { text: 'ünïcode 漢字 \u{1D11E} "quoted" \\ \u2028 \u0001', '': '', long: 'x'.repeat(20000) },
];

async function ours(records) {
  const folder = mkdtempSync(join(tmpdir(), 'sse-jwt-'));
  try {
    const file = join(folder, 'records.json');
    writeFileSync(file, JSON.stringify(records));
    const program = lua('interop/jwt.lua', file);
    assert.equal(await within(program.ended, 'interop/jwt.lua'), 0);
    assert.equal(program.lines.length, records.length);
    return program.lines.map((line) => JSON.parse(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// A key of that algorithm in all its forms: `theirs` for jose, `jwk` and `pem` for us.
async function makeKey(algorithm) {
  if (algorithm === 'HS256') {
    const secret = crypto.getRandomValues(new Uint8Array(48));
    const jwk = await jose.exportJWK(secret);
    return { algorithm, theirs: [secret, secret], jwk: [jwk, jwk] };
  }
  const pair = await jose.generateKeyPair(algorithm, { extractable: true });
  return {
    algorithm,
    theirs: [pair.privateKey, pair.publicKey],
    jwk: [await jose.exportJWK(pair.privateKey), await jose.exportJWK(pair.publicKey)],
    pem: [await jose.exportPKCS8(pair.privateKey), await jose.exportSPKI(pair.publicKey)],
  };
}

async function theyVerify(keys) {
  const records = keys.flatMap((key) => [key.jwk, key.pem].filter(Boolean).flatMap(
    ([signer]) => CLAIMS.map((claims) => ({ key, claims, sign: claims, signer }))));
  const lines = await ours(records.map(({ sign, signer }) => ({ sign, key: signer, kid: 'k' })));
  for (const [i, { key, claims }] of records.entries()) {
    const { payload, protectedHeader } = await jose.jwtVerify(lines[i].token, key.theirs[1]);
    assert.deepEqual(payload, claims);
    assert.deepEqual(protectedHeader, { alg: key.algorithm, typ: 'JWT', kid: 'k' });
  }
  return `${records.length} tokens`;
}

function signed(key, claims, header) {
  return new jose.SignJWT(claims).setProtectedHeader({ alg: key.algorithm, ...header })
    .sign(key.theirs[0]);
}

async function weVerify(keys) {
  const records = [];
  for (const key of keys) {
    for (const claims of CLAIMS) {
      const token = await signed(key, claims, { typ: 'JWT' });
      for (const [, verifier] of [key.jwk, key.pem].filter(Boolean)) {
        records.push({ claims, record: { verify: token, key: verifier } });
      }
    }
  }
  const lines = await ours(records.map(({ record }) => record));
  for (const [i, { claims }] of records.entries()) assert.deepEqual(lines[i].claims, claims);
  return `${records.length} tokens`;
}

// A set as jose reads it: two keys of each algorithm but HS256, told apart by kid.
async function sets(keys, more) {
  const all = [...keys, ...more].filter((key) => key.algorithm !== 'HS256');
  const set = { keys: all.map((key, i) => ({ ...key.jwk[1], kid: `key ${i}`, use: 'sig' })) };
  const theirs = jose.createLocalJWKSet(set);
  const records = [];
  for (const [i, key] of all.entries()) {
    for (const kid of [`key ${i}`, `key ${i + 1}`, 'none', undefined]) {
      const verify = await signed(key, { sub: `${i}` }, { kid });
      const good = await jose.jwtVerify(verify, theirs).then(() => true, () => false);
      records.push({ good, record: { verify, keys: set } });
    }
  }
  const lines = await ours(records.map(({ record }) => record));
  for (const [i, { good }] of records.entries()) assert.equal(Boolean(lines[i].claims), good);
  const accepted = records.filter(({ good }) => good).length;
  assert.equal(accepted, all.length);
  return `${accepted} of ${records.length} accepted by both`;
}

// Tokens in which one character was changed: both refuse. The last one may have bits that stand for
// nothing, which jose passes over.
async function changed(keys) {
  const records = [];
  for (const key of keys) {
    const token = await signed(key, { sub: 'ann' }, {});
    for (let i = token.length - 1; i >= 0; i -= 5) {
      const other = token[i] === 'A' ? 'B' : 'A';
      const verify = token.slice(0, i) + other + token.slice(i + 1);
      if (i < token.length - 1) await assert.rejects(jose.jwtVerify(verify, key.theirs[1]));
      records.push({ verify, key: key.jwk[1] });
    }
  }
  for (const line of await ours(records)) assert.ok(line.code, JSON.stringify(line));
  return `${records.length} tokens`;
}

async function times(keys) {
  const claims = [
    { exp: NOW - 1 }, { exp: NOW }, { exp: NOW + 600 }, { nbf: NOW + 600 }, { nbf: NOW },
    { aud: 'a' }, { aud: ['b', 'a'] }, { aud: 'b' }, {}, { iss: 'i', aud: 'a' },
    { iss: 'j', aud: 'a' },
  ];
  const tokens = await Promise.all(claims.map((each) => signed(keys[0], each, {})));
  const lines = await ours(tokens.map((verify) => (
    { verify, key: keys[0].jwk[1], audience: 'a', issuer: ['i', 'k'], now: NOW })));
  for (const [i, token] of tokens.entries()) {
    const good = await jose.jwtVerify(token, keys[0].theirs[1],
      { audience: 'a', issuer: ['i', 'k'], currentDate: new Date(NOW * 1000) })
      .then(() => true, () => false);
    assert.equal(Boolean(lines[i].claims), good, JSON.stringify(claims[i]));
  }
  return `${tokens.length} tokens`;
}

export async function jwt() {
  const keys = await Promise.all(ALGORITHMS.map(makeKey));
  const more = await Promise.all(ALGORITHMS.map(makeKey));
  await check('sse.jwt and jose: they verify our tokens', () => theyVerify(keys));
  await check('sse.jwt and jose: we verify theirs', () => weVerify(keys));
  await check('sse.jwt and jose: sets of keys', () => sets(keys, more));
  await check('sse.jwt and jose: changed tokens', () => changed(keys));
  await check('sse.jwt and jose: times, issuers, audiences', () => times(keys));
}
