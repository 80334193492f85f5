// PROXY headers for peers: read back by the listener's own reader, and byte by byte where that looks away.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { localProxyHeader, proxyHeader, proxyIdentity } from '../../../src/core/proxy-header.ts';
import { readProxyHeader } from '../../../src/worker/listener/node/proxy-header.ts';
import { makeExchange } from '../worker/support/exchanges.ts';

const own = { localAddress: '10.0.0.1' };

function exchangeOf(client: string, parts: { certificate?: string; isSecure?: boolean } = {}) {
  const { certificate, isSecure = certificate !== undefined } = parts;
  const exchange = makeExchange({
    entry: {
      listener: 'x',
      scheme: isSecure ? 'https' : 'http',
      port: 443,
      ...(certificate === undefined ? {} : { clientCertificate: certificate }),
    },
    remoteAddress: client,
  });
  exchange.requestId = 'id-1';
  return exchange;
}

function bytesOf(version: 'v1' | 'v2', ...parts: Parameters<typeof exchangeOf>): Buffer {
  return Buffer.from(proxyHeader(version, exchangeOf(...parts), own), 'latin1');
}

describe('proxyHeader', () => {
  for (const version of ['v1', 'v2'] as const) {
    for (const [client, expected = client] of [
      ['192.0.2.7'],
      ['2001:db8::9'],
      ['::1'],
      ['2001:db8:1:2:3:4:5:6'],
      ['fe80::1:2'],
    ] as [string, string?][]) {
      it(`says ${client} in ${version}, as the listener reads it`, () => {
        const bytes = bytesOf(version, client);
        assert.deepEqual(readProxyHeader(bytes), { value: expected, endsAt: bytes.length });
      });
    }

    it(`speaks for itself in ${version} when the client is not known`, () => {
      const bytes = bytesOf(version, '');
      assert.equal(bytes.toString('latin1'), localProxyHeader(version));
      assert.deepEqual(readProxyHeader(bytes), { value: null, endsAt: bytes.length });
    });
  }

  it('names both ends in one family, and the port that the client asked', () => {
    const v4 = bytesOf('v1', '192.0.2.7').toString();
    assert.equal(v4, 'PROXY TCP4 192.0.2.7 10.0.0.1 0 443\r\n');
    const v6 = bytesOf('v1', '2001:db8::9').toString();
    assert.equal(v6, 'PROXY TCP6 2001:db8::9 ::ffff:10.0.0.1 0 443\r\n');
    const mixed = proxyHeader('v2', exchangeOf('192.0.2.7'), { localAddress: '::1' });
    const mappedV4 = `${'\0'.repeat(10)}\xff\xff\xc0\0\x02\x07`;
    assert.equal(mixed.slice(16, 32), mappedV4);
    assert.equal(mixed.slice(32, 48), `${'\0'.repeat(15)}\x01`);
  });

  it('carries the id of the request in version 2', () => {
    const text = bytesOf('v2', '192.0.2.7').toString('latin1');
    assert.equal(text.slice(28), '\x05\0\x04id-1');
  });

  it('says in version 2 that the client came by TLS, and by which verified certificate', () => {
    const plain = bytesOf('v2', '192.0.2.7', { isSecure: true }).toString('latin1');
    assert.equal(plain.slice(28 + 7), '\x20\0\x05\x01\0\0\0\x01');
    const certificate = 'Hash=00;Subject="CN=client.test,O=x";DNS=client.test';
    const known = bytesOf('v2', '192.0.2.7', { certificate }).toString('latin1');
    assert.equal(known.slice(28 + 7), '\x20\0\x13\x07\0\0\0\0\x22\0\x0bclient.test');
  });

  it('does not take a name from another field of the subject', () => {
    const certificate = 'Hash=00;Subject="O=\\";Subject=\\"CN=admin,CN=real"';
    const text = bytesOf('v2', '192.0.2.7', { certificate }).toString('latin1');
    assert.ok(!text.includes('admin'));
  });
});

describe('proxyIdentity', () => {
  it('differs by client, scheme and certificate', () => {
    const identities = [
      exchangeOf('192.0.2.7'),
      exchangeOf('192.0.2.8'),
      exchangeOf('192.0.2.7', { isSecure: true }),
      exchangeOf('192.0.2.7', { certificate: 'Hash=00;Subject="CN=a"' }),
    ].map(proxyIdentity);
    assert.equal(new Set(identities).size, 4);
    assert.equal(proxyIdentity(exchangeOf('192.0.2.7')), identities[0]);
  });
});
