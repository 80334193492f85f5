// Certificates as node:crypto and OpenSSL read them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  createKey,
  issueAuthorityCertificate,
  issueServerCertificate,
  keyPem,
  requestCertificate,
} from '../../../../src/sidecar/certificates/issue.ts';
import { octetString, pemOf } from '../../../../src/std/der.ts';
import { requireCommand } from '../../../support/debian.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const DAY_MS = 24 * 3_600_000;
const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + DAY_MS };
const names = ['app.test', '*.app.test', '192.0.2.7', '2001:db8::7', '::ffff:192.0.2.1'];

function createChain() {
  const rootKey = createKey();
  const root = issueAuthorityCertificate({
    ...validity,
    commonName: 'Root ä',
    key: rootKey,
    issuer: null,
    pathLengthMax: 1,
  });
  const key = createKey();
  const authority = issueAuthorityCertificate({
    ...validity,
    commonName: 'Between',
    key,
    issuer: { commonName: 'Root ä', key: rootKey },
    pathLengthMax: 0,
  });
  const leafKey = createKey();
  const issuer = { commonName: 'Between', key };
  const leaf = issueServerCertificate({ ...validity, names, key: leafKey, issuer });
  return { root, authority, leaf, leafKey };
}

function openssl(...args: string[]): string {
  return execFileSync(requireCommand('openssl'), args, { encoding: 'utf8', stdio: 'pipe' });
}

describe('issueServerCertificate', () => {
  it('names DNS names and addresses, and signs by its issuer', () => {
    const { root, authority, leaf, leafKey } = createChain();
    const parsed = new X509Certificate(leaf);
    for (const name of ['app.test', 'www.app.test']) assert.ok(parsed.checkHost(name), name);
    for (const address of ['192.0.2.7', '2001:db8::7', '::ffff:192.0.2.1']) {
      assert.ok(parsed.checkIP(address), address);
    }
    assert.equal(parsed.checkHost('other.test'), undefined);
    assert.ok(parsed.checkPrivateKey(leafKey));
    const between = new X509Certificate(authority);
    assert.ok(parsed.checkIssued(between) && parsed.verify(between.publicKey));
    assert.ok(between.ca && between.checkIssued(new X509Certificate(root)));
    assert.equal(parsed.ca, false);
    assert.equal(Date.parse(parsed.validTo), Math.floor(validity.notAfterMs / 1000) * 1000);
  });

  it('passes the strict verification of OpenSSL', (context) => {
    const dir = createTempDir(context);
    const { root, authority, leaf } = createChain();
    writeFileSync(dir.file('root.pem'), root);
    writeFileSync(dir.file('between.pem'), authority);
    writeFileSync(dir.file('leaf.pem'), leaf);
    const told = openssl(
      ...['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'app.test'],
      ...['-CAfile', dir.file('root.pem'), '-untrusted', dir.file('between.pem')],
      dir.file('leaf.pem'),
    );
    assert.match(told, /leaf\.pem: OK/);
  });

  it('signs itself without an issuer, with extensions of others', () => {
    const key = createKey();
    const id = '1.3.6.1.5.5.7.1.31';
    const extensions = [{ id, isCritical: true, value: octetString(Buffer.alloc(32, 7)) }];
    const options = { ...validity, names: ['app.test'], key, issuer: null, extensions };
    const parsed = new X509Certificate(issueServerCertificate(options));
    assert.ok(parsed.verify(createPublicKey(key)));
    assert.equal(parsed.subject, 'CN=app.test');
    assert.ok(parsed.raw.includes(Buffer.from('06082b0601050507011f0101ff0422', 'hex')));
  });

  it('is good for a name that is too long for a subject, and beyond 2049', () => {
    const long = `${'a'.repeat(63)}.test`;
    const notAfterMs = Date.UTC(2062, 1, 3);
    const key = createKey();
    const options = { ...validity, notAfterMs, names: [long], key, issuer: null };
    const parsed = new X509Certificate(issueServerCertificate(options));
    assert.ok(parsed.checkHost(long));
    assert.equal(parsed.subject, undefined);
    assert.equal(Date.parse(parsed.validTo), notAfterMs);
  });

  it('never gives out a serial number twice', () => {
    const serials = Array.from({ length: 50 }, () => {
      return new X509Certificate(createChain().leaf).serialNumber;
    });
    assert.equal(new Set(serials).size, 50);
    assert.ok(serials.every((serial) => serial.length === 32));
  });
});

describe('requestCertificate', () => {
  it('asks for all names with a signature of its key', (context) => {
    const dir = createTempDir(context);
    const key = createKey();
    writeFileSync(
      dir.file('csr.pem'),
      pemOf('CERTIFICATE REQUEST', requestCertificate(names, key)),
    );
    const told = openssl('req', '-in', dir.file('csr.pem'), '-noout', '-verify', '-text');
    assert.match(told, /DNS:app\.test, DNS:\*\.app\.test, IP Address:192\.0\.2\.7/);
    assert.match(told, /2001:DB8:0:0:0:0:0:7/);
    assert.match(told, /prime256v1/);
  });
});

describe('keyPem', () => {
  it('is what OpenSSL reads', (context) => {
    const dir = createTempDir(context);
    writeFileSync(dir.file('key.pem'), keyPem(createKey()));
    assert.match(openssl('pkey', '-in', dir.file('key.pem'), '-noout', '-text'), /256 bit/);
  });
});
