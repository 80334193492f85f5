// When authorities want renewals: the identifier of RFC 9773's own example, and windows of all kinds.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import {
  askRenewalInfo,
  momentIn,
  renewalIdOf,
} from '../../../../../src/sidecar/certificates/acme/renewal-info.ts';
import { AcmeSession } from '../../../../../src/sidecar/certificates/acme/session.ts';
import {
  createKey,
  issueServerCertificate,
} from '../../../../../src/sidecar/certificates/issue.ts';
import { FakeAuthority } from '../../../../support/fake-authority.ts';

/** RFC 9773 appendix A. */
const EXAMPLE = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;

function start(context: TestContext) {
  const url = 'https://ca.test/directory';
  const fake = new FakeAuthority({ url, context });
  return { fake, session: new AcmeSession(url, fake) };
}

describe('the identifier of a certificate', () => {
  it('is that of the RFC', () => {
    assert.equal(renewalIdOf(EXAMPLE), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });

  it('is made of any certificate', () => {
    const key = createKey();
    const dates = { notBeforeMs: Date.now(), notAfterMs: Date.now() + 1000 };
    const chain = issueServerCertificate({ names: ['a.test'], key, issuer: null, ...dates });
    assert.match(String(renewalIdOf(chain)), /^[\w-]{27}\.[\w-]{22}$/);
  });
});

describe('an authority that is asked when to renew', () => {
  it('suggests a window, and says when to ask again', async (context) => {
    const { fake, session } = start(context);
    fake.moods.advice = {
      start: '2026-01-01T00:00:00Z',
      end: '2026-01-02T00:00:00Z',
      explanationURL: 'https://ca.test/why',
    };
    const info = await askRenewalInfo(session, EXAMPLE, 1000);
    assert.deepEqual(info, {
      startMs: Date.parse('2026-01-01'),
      endMs: Date.parse('2026-01-02'),
      lookAtMs: 1000 + 6 * 3_600_000,
      explanation: 'https://ca.test/why',
    });
    assert.deepEqual(fake.asked, ['GET directory', 'GET advice']);
  });

  it('may have none, or say nonsense', async (context) => {
    const { fake, session } = start(context);
    fake.moods.advice = { start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z' };
    await assert.rejects(askRenewalInfo(session, EXAMPLE, 0), /no suggestedWindow/);
    fake.moods.advice = { start: 'yesterday', end: '2026-01-01T00:00:00Z' };
    await assert.rejects(askRenewalInfo(session, EXAMPLE, 0), /no suggestedWindow/);
    const other = start(context);
    other.fake.moods.hasNoAdvice = true;
    assert.equal(await askRenewalInfo(other.session, EXAMPLE, 0), null);
  });

  it('gets a moment of its window, whatever chance says', () => {
    const time = fc.integer({ min: 0, max: 2 ** 41 });
    fc.assert(
      fc.property(time, time, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, random) => {
        const [startMs, endMs] = [Math.min(a, b), Math.max(a, b) + 1];
        const atMs = momentIn({ startMs, endMs, lookAtMs: 0, explanation: '' }, random);
        assert.ok(atMs >= startMs && atMs <= endMs);
      }),
    );
  });
});
