// Certificates made with openssl, in a folder that is removed when the process ends.
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SELF_SIGNED = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
const LONG_AGO = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];

function openssl(dir, ...args) {
  execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
}

function makeAuthority(dir) {
  openssl(dir, ...SELF_SIGNED, '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.pem');
}

// dates: notBefore and notAfter, as `openssl ca` takes them.
function makeSigned(dir, name, san, dates = []) {
  writeFileSync(join(dir, `${name}.cnf`), [
    '[ca]', 'default_ca = own', '[own]', `database = ${name}.db`, 'new_certs_dir = .',
    'default_md = sha256', 'default_days = 2', 'policy = any',
    'unique_subject = no', 'rand_serial = yes',
    'x509_extensions = ext', '[any]', 'commonName = supplied',
    '[ext]', `subjectAltName = ${san}`, '',
  ].join('\n'));
  writeFileSync(join(dir, `${name}.db`), '');
  openssl(dir, 'req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`,
    '-keyout', `${name}.key`, '-out', `${name}.csr`);
  openssl(dir, 'ca', '-batch', '-notext', '-config', `${name}.cnf`, '-cert', 'ca.pem',
    '-keyfile', 'ca.key', '-in', `${name}.csr`, '-out', `${name}.pem`, ...dates);
}

// Chromium's name for a certificate's key: the base64 of its SHA-256.
function pinOf(path) {
  const key = new X509Certificate(readFileSync(path)).publicKey;
  const der = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}

export function makeCertificates() {
  const dir = mkdtempSync(join(tmpdir(), 'sse-certs-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  makeAuthority(dir);
  makeSigned(dir, 'good', 'IP:127.0.0.1,DNS:localhost,DNS:app.example');
  makeSigned(dir, 'elsewhere', 'DNS:elsewhere.example');
  makeSigned(dir, 'expired', 'IP:127.0.0.1', LONG_AGO);
  openssl(dir, ...SELF_SIGNED, '-subj', '/CN=self',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'self.key', '-out', 'self.pem');
  const path = (name) => join(dir, name);
  return { dir, path, pin: (name) => pinOf(path(`${name}.pem`)) };
}
