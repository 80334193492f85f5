// Whether a connection can be given the address of the others.

import type { HttpResponse } from 'uWebSockets.js';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SoleClient } from '../../../../src/worker/listener/uws/sole-client.ts';

describe('SoleClient', () => {
  it('knows the address while all connections come from one', () => {
    const sole = new SoleClient();
    assert.equal(sole.address, null);
    sole.opened(from(192, 0, 2, 1));
    sole.opened(from(192, 0, 2, 1));
    assert.equal(sole.address, '192.0.2.1');
    sole.closed();
    assert.equal(sole.address, '192.0.2.1');
  });

  // A client must never be taken for another: what is not certain is asked for.
  it('knows nothing from the second address on, until no connection is left', () => {
    const sole = new SoleClient();
    sole.opened(from(192, 0, 2, 1));
    sole.opened(from(192, 0, 2, 2));
    assert.equal(sole.address, null);
    sole.closed();
    sole.opened(from(192, 0, 2, 2));
    assert.equal(sole.address, null, 'which of the first two went is not known');
    sole.closed();
    sole.closed();
    sole.opened(from(192, 0, 2, 3));
    assert.equal(sole.address, '192.0.2.3');
  });

  // Connect, send, reset: the request is read although its connection has no other end any more.
  it('knows nothing while a connection without an address may still bring a request', () => {
    const sole = new SoleClient();
    sole.opened(from());
    assert.equal(sole.address, null);
    sole.opened(from(192, 0, 2, 1));
    assert.equal(sole.address, null);
    const other = new SoleClient();
    other.opened(from(192, 0, 2, 1));
    other.opened(from());
    assert.equal(other.address, null);
  });
});

function from(...octets: number[]): HttpResponse {
  return { getRemoteAddress: () => Uint8Array.from(octets).buffer } as unknown as HttpResponse;
}
