// When an authority wants a certificate to be renewed (ARI, RFC 9773): the window that it suggests, and the
// moment in it that this client takes.

import { X509Certificate } from 'node:crypto';
import { AcmeProblem } from './problem.ts';
import { type AcmeSession, objectIn, retryAfterIn } from './session.ts';

/** How long an answer holds; what the authority asks for is kept within (section 4.3.2). */
const LOOK_MS = 6 * 3_600_000;
const LOOK_MS_MIN = 60_000;
const LOOK_MS_MAX = 24 * 3_600_000;
/** Object identifier 2.5.29.35 in its encoding, and the tag of the key identifier in it. */
const AUTHORITY_KEY_ID = Buffer.from('0603551d23', 'hex');
const KEY_ID_TAG = 0x80;

/** What an authority said about a certificate. Unix times in ms. */
export interface RenewalInfo {
  readonly startMs: number;
  readonly endMs: number;
  /** When to ask again. */
  readonly lookAtMs: number;
  /** A page for people about why; '' for none. */
  readonly explanation: string;
}

/** Returns what the authority suggests, null when it has no ARI. Rejects with an AcmeProblem. */
export async function askRenewalInfo(
  session: AcmeSession,
  chain: string,
  nowMs: number,
): Promise<RenewalInfo | null> {
  const { renewalInfo } = await session.directory();
  const id = renewalIdOf(chain);
  if (renewalInfo === null || id === null) return null;
  const answer = await session.get(`${renewalInfo.replace(/\/$/, '')}/${id}`);
  const object = objectIn(answer);
  const { start, end } = (object['suggestedWindow'] ?? {}) as Record<string, unknown>;
  const [startMs, endMs] = [Date.parse(String(start)), Date.parse(String(end))];
  // NaN compares with nothing.
  if (!(startMs < endMs)) {
    throw new AcmeProblem({ type: 'invalidAnswer', detail: 'no suggestedWindow' });
  }
  const askedMs = retryAfterIn(answer) ?? LOOK_MS;
  const lookAtMs = nowMs + Math.min(Math.max(askedMs, LOOK_MS_MIN), LOOK_MS_MAX);
  const { explanationURL } = object;
  return {
    startMs,
    endMs,
    lookAtMs,
    explanation: typeof explanationURL === 'string' ? explanationURL : '',
  };
}

/** Returns the moment of a window that is taken: any, all as likely (section 4.2). */
export function momentIn({ startMs, endMs }: RenewalInfo, random: number): number {
  return startMs + random * (endMs - startMs);
}

/** Returns the identifier of a certificate (section 4.1), null when it has no authority key identifier. */
export function renewalIdOf(chain: string): string | null {
  const { raw, serialNumber } = new X509Certificate(chain);
  const keyId = authorityKeyIdOf(raw);
  if (keyId === null) return null;
  const hex = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  // As it stands in the certificate: with an octet in front where the highest bit is set.
  const serial = Buffer.from(
    Number.parseInt(hex.slice(0, 2), 16) >= 0x80 ? `00${hex}` : hex,
    'hex',
  );
  return `${keyId.toString('base64url')}.${serial.toString('base64url')}`;
}

/** SEQUENCE { OID, [BOOLEAN,] OCTET STRING { SEQUENCE { [0] keyIdentifier … } } }; all lengths are short. */
function authorityKeyIdOf(raw: Buffer): Buffer | null {
  const at = raw.indexOf(AUTHORITY_KEY_ID);
  if (at === -1) return null;
  let next = at + AUTHORITY_KEY_ID.length;
  if (raw[next] === 0x01) next += 3;
  // OCTET STRING and SEQUENCE, two octets each, unless the content is long.
  for (const tag of [0x04, 0x30]) {
    if (raw[next] !== tag) return null;
    const length = raw[next + 1] ?? 0;
    next += length < 0x80 ? 2 : 2 + (length & 0x7f);
  }
  if (raw[next] !== KEY_ID_TAG) return null;
  const length = raw[next + 1] ?? 0;
  return length < 0x80 ? raw.subarray(next + 2, next + 2 + length) : null;
}
