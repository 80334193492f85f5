// Signatures as another implementation (jose) and the examples of the RFCs have them.

import assert from 'node:assert/strict';
import { createPublicKey, createSecretKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { calculateJwkThumbprint, type FlattenedJWS, flattenedVerify } from 'jose';
import {
  jwkOf,
  macJws,
  signJws,
  thumbprintOf,
} from '../../../../../src/sidecar/certificates/acme/jws.ts';
import { createKey } from '../../../../../src/sidecar/certificates/issue.ts';

/** RFC 7515 appendix A.1. */
const SECRET = Buffer.from(
  'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
  'base64url',
);

describe('a signed request', () => {
  it('is good for its key, with all header fields under the signature', async () => {
    const key = createKey();
    const header = { nonce: 'n', url: 'https://ca.test/x', kid: 'https://ca.test/1' };
    const jws = signJws(key, header, { status: 'ä' });
    assert.deepEqual(Object.keys(jws), ['protected', 'payload', 'signature']);
    const seen = await flattenedVerify(jws as FlattenedJWS, createPublicKey(key));
    assert.deepEqual(seen.protectedHeader, { alg: 'ES256', ...header });
    assert.deepEqual(JSON.parse(Buffer.from(seen.payload).toString()), { status: 'ä' });
    const stranger = createPublicKey(createKey());
    await assert.rejects(flattenedVerify(jws as FlattenedJWS, stranger), /signature/);
  });

  it('has an empty payload, not an empty object, to get something', () => {
    assert.equal(signJws(createKey(), {}, null).payload, '');
    assert.equal(signJws(createKey(), {}, {}).payload, 'e30');
  });

  it('may have an HMAC', async () => {
    const jws = macJws(SECRET, { kid: 'kid-1', url: 'https://ca.test/a' }, { kty: 'EC' });
    const seen = await flattenedVerify(jws as FlattenedJWS, createSecretKey(SECRET));
    assert.deepEqual(seen.protectedHeader, {
      alg: 'HS256',
      kid: 'kid-1',
      url: 'https://ca.test/a',
    });
  });
});

describe('a key', () => {
  it('has the thumbprint that others find', async () => {
    const jwk = jwkOf(createKey());
    assert.equal(thumbprintOf(jwk), await calculateJwkThumbprint({ ...jwk }));
  });

  it('has the thumbprint of the example of RFC 9449, whatever the order of its members', async () => {
    const jwk = {
      kty: 'EC',
      x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
      y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
      crv: 'P-256',
    };
    assert.equal(thumbprintOf(jwk), '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I');
  });
});
