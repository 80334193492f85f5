// The PROXY protocol in front of HTTP: believed from balancers alone, in both versions, however it is cut.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readProxyHeader } from '../../../src/worker/listener/node/proxy-header.ts';
import { connectClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import {
  answer,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function v2(command: number, family: number, addresses: readonly number[]): string {
  const head = [0x20 | command, family, addresses.length >> 8, addresses.length & 255];
  return SIGNATURE + Buffer.from([...head, ...addresses]).toString('latin1');
}

const v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
const v6 = [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 9, ...Array(16).fill(1), 1, 1, 0, 80];

const good: Readonly<Record<string, readonly [bytes: string, address: string | null]>> = {
  'version 1, IPv4': ['PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n', '192.0.2.7'],
  'version 1, IPv6': ['PROXY TCP6 2001:DB8:0::9 ::1 4660 80\r\n', '2001:db8::9'],
  'version 1, unknown': ['PROXY UNKNOWN\r\n', null],
  'version 2, IPv4': [v2(1, 0x11, v4), '192.0.2.7'],
  'version 2, IPv6': [v2(1, 0x21, v6), '2001:db8::9'],
  'version 2, with more behind the addresses': [v2(1, 0x11, [...v4, 4, 0, 1, 0]), '192.0.2.7'],
  'version 2, a check of the balancer itself': [v2(0, 0, []), null],
};

const bad: Readonly<Record<string, string>> = {
  'no header at all': REQUEST,
  'a line without end': `PROXY TCP4 ${'1'.repeat(200)}`,
  'an address that is none': 'PROXY TCP4 192.0.2.777 10.0.0.1 1 2\r\n',
  'the other family': 'PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n',
  'version 3': SIGNATURE + Buffer.from([0x31, 0x11, 0, 0]).toString('latin1'),
  'addresses cut short': v2(1, 0x11, v4.slice(0, 8)),
  'more than anybody needs': SIGNATURE + Buffer.from([0x21, 0x11, 255, 255]).toString('latin1'),
};

describe('the PROXY protocol', () => {
  for (const http2 of [false, true]) {
    for (const [name, [bytes, address]] of Object.entries(good)) {
      it(`is understood: ${name}${http2 ? ', where HTTP/2 may follow' : ''}`, async (t) => {
        const { port, handler } = await openScripted(t, (exchange) => answer(exchange), {
          http2,
          isBalancer: (from) => from === '127.0.0.1',
        });
        const client = await connectClient(port, { context: t });
        await client.send(bytes + REQUEST);
        assert.equal((await client.response()).status, 200);
        const slow = await connectClient(port, { context: t });
        await slow.sendSlowly(bytes + REQUEST);
        assert.equal((await slow.response()).status, 200);
        const seen = handler.served.map(({ remoteAddress }) => remoteAddress);
        assert.deepEqual(seen, Array(2).fill(address ?? '127.0.0.1'));
      });
    }
  }

  for (const [name, bytes] of Object.entries(bad)) {
    it(`ends the connection of a balancer: ${name}`, async (t) => {
      const { port, handler, listener } = await openScripted(t, (exchange) => answer(exchange), {
        isBalancer: () => true,
      });
      const client = await connectClient(port, { context: t });
      await client.send(bytes);
      await client.untilClosed(3000);
      assert.equal(client.received.length, 0);
      assert.equal(handler.served.length, 0);
      await until(() => listener.connectionsOpen === 0, { what: 'it is closed' });
    });
  }

  it('is not believed from anybody else', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => answer(exchange));
    for (const bytes of ['PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n', v2(1, 0x11, v4)]) {
      const client = await connectClient(port, { context: t });
      await client.send(bytes + REQUEST);
      assert.equal((await client.response()).status, 400);
    }
    assert.equal(handler.served.length, 0);
  });

  it('is read as far as it goes, at every length', () => {
    for (const [bytes] of Object.values(good)) {
      const whole = Buffer.from(bytes, 'latin1');
      for (let length = 0; length < whole.length; length++) {
        assert.equal(readProxyHeader(whole.subarray(0, length)), 'more', `${bytes} at ${length}`);
      }
      const glance = readProxyHeader(Buffer.concat([whole, Buffer.from('GET')]));
      assert.equal((glance as { endsAt: number }).endsAt, whole.length);
    }
  });
});
