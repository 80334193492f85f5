// Addresses of clients as text: RFC 5952, and IPv4 dotted whatever socket it came in by.

import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../../../../src/worker/listener/uws/address.ts';

function v6(text: string): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(16));
  text.split(':').forEach((group, at) => {
    view.setUint16(at * 2, Number.parseInt(group, 16));
  });
  return view.buffer;
}

describe('addressText', () => {
  it('writes IPv4 dotted, also when it is mapped into IPv6', () => {
    assert.equal(addressText(Uint8Array.of(192, 0, 2, 7).buffer), '192.0.2.7');
    assert.equal(addressText(v6('0:0:0:0:0:ffff:c000:207')), '192.0.2.7');
    assert.equal(addressText(v6('0:0:0:0:0:ffff:0:0')), '0.0.0.0');
  });

  // RFC 5952 section 4.
  const canonical: Record<string, string> = {
    '2001:db8:0:0:0:0:0:1': '2001:db8::1',
    '2001:DB8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '0:0:0:0:0:0:0:1': '::1',
    '0:0:0:0:0:0:0:0': '::',
    'fe80:0:0:0:0:0:0:0': 'fe80::',
    '1:2:3:4:5:6:7:8': '1:2:3:4:5:6:7:8',
    '0:0:0:0:0:fffe:c000:207': '::fffe:c000:207',
  };
  for (const [groups, text] of Object.entries(canonical)) {
    it(`writes ${groups} as ${text}`, () => {
      assert.equal(addressText(v6(groups)), text);
      assert.equal(addressText(v6(groups)), text, 'the second time, out of the table');
    });
  }

  it('writes what means the same sixteen bytes', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = addressText(v6(groups.map((value) => value.toString(16)).join(':')));
        if (!isIPv6(text)) return text.includes('.');
        // A URL parses and writes addresses by the same rules.
        const plain = groups.map((value) => value.toString(16)).join(':');
        return new URL(`http://[${plain}]/`).hostname === `[${text}]`;
      }),
    );
  });

  it('has no text for a socket without an address, and forgets when it knows too many', () => {
    assert.equal(addressText(new ArrayBuffer(0)), '');
    for (let at = 0; at < 5000; at++) {
      assert.equal(
        addressText(Uint8Array.of(10, 0, at >> 8, at & 255).buffer),
        `10.0.${at >> 8}.${at & 255}`,
      );
    }
  });
});
