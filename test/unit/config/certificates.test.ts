// Automatic certificates in a configuration: what one line gives, and what could never work.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { certificateFile } from '../../../src/config/certificate-files.ts';
import { addressOf, entryPoints } from '../../../src/config/entry-points.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { problemsOf } from './problems-of.ts';

const base = {
  upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
  routes: [
    { match: { host: ['example.com', '*.example.com', '10.0.0.1', '[::1]', 'box'] }, to: 'app' },
    { match: { host: ['www.example.com', 'example.com', 'app.internal'], path: '/x' }, to: 'app' },
  ],
  certificates: { storage: '/var/lib/sluice' },
};

describe('tls: automatic', () => {
  it('is a public HTTPS site in one line', () => {
    const config = parseConfig({ ...base, listeners: [{ port: 443, tls: 'automatic' }] });
    const [listener] = config.listeners;
    assert.equal(listener?.name, 'https-443');
    assert.equal(listener.engine, 'node');
    assert.equal(listener.http2, true);
    assert.equal(listener.tls?.hsts, 'max-age=31536000');
    // No wildcards, which take a DNS hook, and nothing that no authority issues for.
    assert.deepEqual(listener.tls.automatic?.domains, ['example.com', 'www.example.com']);
    const [served, redirecting] = entryPoints(config);
    const files = ['example.com', 'www.example.com'].map((name) => {
      return certificateFile('/var/lib/sluice', name);
    });
    assert.deepEqual(served?.tls?.managedFiles, files);
    assert.deepEqual(
      served.tls.certificates,
      files.map((file) => ({ certFile: file, keyFile: file })),
    );
    assert.deepEqual([redirecting?.port, redirecting?.redirectsTo], [80, 443]);
    assert.equal(addressOf(served), '* 443');
    assert.deepEqual(config.certificates.acme.authorities, [
      {
        directory: 'https://acme-v02.api.letsencrypt.org/directory',
        caFile: null,
        externalAccount: null,
      },
    ]);
  });

  it('redirects from port 80 only where it is on 443 and nobody else has that', () => {
    const redirectOf = (listeners: object[]) => {
      return parseConfig({ ...base, listeners }).listeners.map(({ tls }) => tls?.redirectFrom);
    };
    assert.deepEqual(redirectOf([{ port: 8443, tls: 'automatic' }]), [null]);
    assert.deepEqual(redirectOf([{ port: 443, tls: 'automatic' }, { port: 80 }]), [
      null,
      undefined,
    ]);
    const off = { automatic: {}, redirectFrom: null, hsts: null };
    assert.deepEqual(redirectOf([{ port: 443, tls: off }]), [null]);
  });

  it('takes wildcards where a hook can prove them', () => {
    const dnsHook = { command: ['/bin/true'] };
    const { listeners } = parseConfig({
      ...base,
      listeners: [{ port: 443, tls: 'automatic' }],
      certificates: { acme: { dnsHook } },
    });
    assert.deepEqual(listeners[0]?.tls?.automatic?.domains, [
      ...['example.com', '*.example.com', 'www.example.com'],
    ]);
  });

  it('has a certificate for clients without a name also when all are on demand', () => {
    const tls = { automatic: { domains: [], onDemand: { ask: 'http://127.0.0.1:9/ask' } } };
    const [served] = entryPoints(parseConfig({ ...base, listeners: [{ port: 443, tls }] }));
    assert.equal(served?.tls?.certificates.length, 1);
  });

  it('refuses what could never work', () => {
    const withTls = (tls: object | string, more: object = {}) =>
      problemsOf({ ...base, listeners: [{ port: 443, tls, ...more }] });
    assert.deepEqual(withTls({}), [
      'listeners[0].tls.certificates: is missing: expected at least one certificate',
    ]);
    assert.match(withTls({ automatic: { domains: ['*.a.test'] } })[0]!, /dns-01 alone/);
    assert.match(withTls({ automatic: { domains: ['10.0.0.1'] } })[0]!, /a DNS name/);
    assert.match(withTls({ profile: 'old' })[0]!, /^listeners\[0\].tls.profile: expected 'inter/);
    assert.match(withTls('automatic', { engine: 'uws' })[0]!, /needs engine node/);
    assert.match(withTls('automagic')[0]!, /expected 'automatic', 'internal' or a map/);
    const bare = { routes: [{ to: 'app' }], listeners: [{ port: 443, tls: 'automatic' }] };
    assert.match(problemsOf({ ...base, ...bare })[0]!, /no route has a host with a public name/);
  });

  it('refuses authorities and proofs that could never work', () => {
    const withAcme = (acme: object) => problemsOf({ ...base, certificates: { acme } });
    assert.match(withAcme({ proofs: ['dns-01'] })[0]!, /needs certificates.acme.dnsHook/);
    assert.match(withAcme({ retryMs: '2h', retryMaxMs: '1h' })[0]!, /at most retryMaxMs/);
    const plain = { directory: 'http://ca.test/directory' };
    assert.match(withAcme({ authorities: [plain] })[0]!, /the https URL of a directory/);
    assert.match(withAcme({ authorities: [] })[0]!, /at least one authority/);
    const account = { keyId: 'a b', key: 'short' };
    const directory = 'https://ca.test/directory';
    assert.equal(withAcme({ authorities: [{ directory, externalAccount: account }] }).length, 2);
    assert.match(withAcme({ email: 'nobody' })[0]!, /an e-mail address/);
  });
});
