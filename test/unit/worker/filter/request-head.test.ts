// The request head for the peer: nothing of this hop, no claims of strangers, the truth about the client.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../../../src/core/exchange.ts';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { identify, peerRequestHeaders } from '../../../../src/worker/filter/request-head.ts';
import { Trust } from '../../../../src/worker/filter/trust.ts';
import { makeExchange, makePlan } from '../support/exchanges.ts';

const ids = { next: () => 'made-here', isValid: (id: string) => /^[\w-]{1,128}$/.test(id) };

function forPeer(
  headers: RawHeaders,
  options: {
    trusted?: string[];
    remote?: string;
    host?: string;
    via?: string;
    entry?: Entry | undefined;
  } = {},
) {
  const trust = new Trust(options.trusted ?? []);
  const host = options.host ?? 'example.com';
  const remoteAddress = options.remote ?? '192.0.2.7';
  const head = { headers: ['host', host, ...headers], host, remoteAddress };
  const exchange = makeExchange(options.entry ? { ...head, entry: options.entry } : head);
  identify(exchange, trust, ids);
  const policy = { ...makePlan().requestHead, trust, via: options.via ?? null };
  const sent = peerRequestHeaders(exchange, policy);
  const all = (name: string) => sent.filter((_, at) => at % 2 === 1 && sent[at - 1] === name);
  return { exchange, sent, all };
}

describe('peerRequestHeaders', () => {
  it('tells the peer about the client in every usual form', () => {
    const { all } = forPeer(['accept', '*/*']);
    assert.deepEqual(all('x-forwarded-for'), ['192.0.2.7']);
    assert.deepEqual(all('x-real-ip'), ['192.0.2.7']);
    assert.deepEqual(all('x-forwarded-host'), ['example.com']);
    assert.deepEqual(all('x-forwarded-proto'), ['http']);
    assert.deepEqual(all('x-forwarded-port'), ['80']);
    assert.deepEqual(all('forwarded'), ['for=192.0.2.7;host=example.com;proto=http']);
    assert.deepEqual(all('x-request-id'), ['made-here']);
    assert.deepEqual(all('accept'), ['*/*']);
  });

  it('quotes IPv6 addresses and ports in Forwarded', () => {
    const { all } = forPeer([], { remote: '2001:db8::1', host: 'example.com:8080' });
    assert.deepEqual(all('forwarded'), ['for="[2001:db8::1]";host="example.com:8080";proto=http']);
  });

  it('tells the truth about each client, also where one thing alone differs from the one before', () => {
    const secure = { listener: 'https-443', scheme: 'https', port: 443 } as const;
    for (const [remote, host, entry, element] of [
      ['192.0.2.7', 'a.test', undefined, 'for=192.0.2.7;host=a.test;proto=http'],
      ['192.0.2.8', 'a.test', undefined, 'for=192.0.2.8;host=a.test;proto=http'],
      ['192.0.2.8', 'b.test', undefined, 'for=192.0.2.8;host=b.test;proto=http'],
      ['192.0.2.8', 'b.test', secure, 'for=192.0.2.8;host=b.test;proto=https'],
      ['192.0.2.8', 'b.test', secure, 'for=192.0.2.8;host=b.test;proto=https'],
      ['192.0.2.8', 'b.test', undefined, 'for=192.0.2.8;host=b.test;proto=http'],
    ] as const) {
      assert.deepEqual(forPeer([], { remote, host, entry }).all('forwarded'), [element]);
    }
  });

  it('removes what belongs to this hop and what Connection names', () => {
    const { sent } = forPeer([
      'connection',
      'close, X-Secret-Hop',
      'x-secret-hop',
      '1',
      'keep-alive',
      'timeout=5',
      'te',
      'trailers',
      'proxy',
      'http://evil',
      'proxy-authorization',
      'Basic x',
      'transfer-encoding',
      'chunked',
      'upgrade',
      'h2c',
      'x-stays',
      '2',
    ]);
    const names = sent.filter((_, at) => at % 2 === 0);
    assert.deepEqual(
      names.filter((name) => !/^(x-forwarded|forwarded|x-real|x-request)/.test(name)),
      ['x-stays'],
    );
  });

  it('believes no stranger, however the name is spelt', () => {
    // Attack: a client claims to be an inside address, hoping that the application grants it more.
    // Underscores reach CGI-like peers under the same variable name as dashes.
    const { sent, exchange } = forPeer([
      'x-forwarded-for',
      '10.0.0.1',
      'x_forwarded_for',
      '10.0.0.1',
      'x-real-ip',
      '10.0.0.1',
      'x_real-ip',
      '10.0.0.1',
      'forwarded',
      'for=10.0.0.1',
      'x-forwarded-proto',
      'https',
      'x-forwarded-prefix',
      '/admin',
      'true-client-ip',
      '10.0.0.1',
      'x-request-id',
      'forged',
    ]);
    assert.equal(exchange.clientAddress, '192.0.2.7');
    assert.ok(!sent.some((text) => /10\.0\.0\.1|https|admin|forged/.test(text)), sent.join(' '));
  });

  it('reads lists of trusted proxies from the right and appends to them', () => {
    const { all, exchange } = forPeer(
      [
        'x-forwarded-for',
        '6.6.6.6, 198.51.100.9',
        'x-forwarded-for',
        '10.0.0.5',
        'x-forwarded-proto',
        'https',
        'x-request-id',
        'edge-1',
      ],
      { trusted: ['10.0.0.0/8'], remote: '10.0.0.1' },
    );
    assert.equal(exchange.clientAddress, '198.51.100.9');
    assert.deepEqual(all('x-forwarded-for'), ['6.6.6.6, 198.51.100.9, 10.0.0.5, 10.0.0.1']);
    assert.deepEqual(all('x-forwarded-proto'), ['https']);
    assert.deepEqual(all('x-real-ip'), ['198.51.100.9']);
    assert.deepEqual(all('x-request-id'), ['edge-1']);
  });

  it('reads Forwarded when there is no X-Forwarded-For', () => {
    const { exchange } = forPeer(
      ['forwarded', 'for="[2001:db8::9]:4711";proto=https, for=10.0.0.2'],
      { trusted: ['10.0.0.0/8'], remote: '10.0.0.1' },
    );
    assert.equal(exchange.clientAddress, '2001:db8::9');
  });

  it('stops at an entry that is no address', () => {
    const { exchange } = forPeer(['x-forwarded-for', '1.2.3.4, unknown, 10.0.0.2'], {
      trusted: ['10.0.0.0/8'],
      remote: '10.0.0.1',
    });
    assert.equal(exchange.clientAddress, '10.0.0.2');
  });

  it('names the proxy in Via only where asked, behind those before it', () => {
    assert.deepEqual(forPeer(['via', '1.0 first']).all('via'), ['1.0 first']);
    assert.deepEqual(forPeer(['via', '1.0 first'], { via: 'edge' }).all('via'), [
      '1.0 first, 1.1 edge',
    ]);
  });
});

describe('Trust', () => {
  it('matches IPv4 and IPv6 ranges and nothing that is no address', () => {
    const trust = new Trust(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']);
    assert.ok(trust.has('10.255.0.1') && trust.has('2001:db8:1::1') && trust.has('192.0.2.1'));
    assert.ok(!trust.has('11.0.0.1') && !trust.has('2001:db9::1') && !trust.has('bogus'));
    assert.ok(!new Trust([]).has('127.0.0.1'));
  });
});
