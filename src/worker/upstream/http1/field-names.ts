// Names of response fields seen often, so that reading one makes no new string, and what the transport
// itself does with a few of them.

import { TOKEN_LOWER } from './octets.ts';

/** How a field is treated; ordinary ones are passed on. */
export const FIELD_ORDINARY = 0;
export const FIELD_CONTENT_LENGTH = 1;
export const FIELD_TRANSFER_ENCODING = 2;
export const FIELD_CONNECTION = 3;
export const FIELD_KEEP_ALIVE = 4;
/** Concerns this hop only, or is written anew by the listener. */
export const FIELD_DROPPED = 5;
/** The listener's engine writes its own; the cache wants to know the peer's. */
export const FIELD_DATE = 6;

export interface FieldName {
  readonly text: string;
  /** The same as lower-case octets. */
  readonly octets: Uint8Array;
  readonly role: number;
}

const ROLES: Readonly<Record<string, number>> = {
  'content-length': FIELD_CONTENT_LENGTH,
  'transfer-encoding': FIELD_TRANSFER_ENCODING,
  connection: FIELD_CONNECTION,
  'keep-alive': FIELD_KEEP_ALIVE,
  'proxy-connection': FIELD_DROPPED,
  te: FIELD_DROPPED,
  trailer: FIELD_DROPPED,
  upgrade: FIELD_DROPPED,
  date: FIELD_DATE,
};

const COMMON = [
  ...Object.keys(ROLES),
  ...'accept-ranges access-control-allow-credentials access-control-allow-headers'.split(' '),
  ...'access-control-allow-methods access-control-allow-origin access-control-expose-headers'.split(
    ' ',
  ),
  ...'access-control-max-age age allow alt-svc cache-control cache-groups cache-tag'.split(' '),
  ...'cdn-cache-control content-disposition'.split(' '),
  ...'content-encoding content-language content-location content-range content-type'.split(' '),
  ...'content-security-policy cross-origin-opener-policy cross-origin-resource-policy'.split(' '),
  ...'etag expires last-modified link location p3p permissions-policy pragma'.split(' '),
  ...'referrer-policy retry-after server server-timing set-cookie'.split(' '),
  ...'strict-transport-security surrogate-key timing-allow-origin vary via warning'.split(' '),
  ...'www-authenticate x-accel-buffering x-cache x-content-type-options'.split(' '),
  ...'x-frame-options x-powered-by'.split(' '),
  ...'x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset x-request-id'.split(' '),
  ...'x-robots-tag x-runtime x-ua-compatible x-xss-protection'.split(' '),
];

/** Start value of the hash that `nextHash` folds the lower-case octets of a name into. */
export const HASH_START = 17;

const SLOTS = 512;
const table: readonly (FieldName | null)[] = buildTable();

export function nextHash(hash: number, octet: number): number {
  return (Math.imul(hash, 31) + octet) | 0;
}

/** Finds the name at `start`–`end` of `bytes` (any case) by its hash; null when it is not a common one. */
export function findFieldName(
  bytes: Uint8Array,
  start: number,
  end: number,
  hash: number,
): FieldName | null {
  for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
    const candidate = table[slot]!;
    if (candidate === null) return null;
    if (isSame(bytes, start, end, candidate.octets)) return candidate;
  }
}

function isSame(bytes: Uint8Array, start: number, end: number, octets: Uint8Array): boolean {
  const { length } = octets;
  if (length !== end - start) return false;
  for (let at = 0; at < length; at++) {
    if (TOKEN_LOWER[bytes[start + at]!] !== octets[at]) return false;
  }
  return true;
}

function buildTable(): (FieldName | null)[] {
  const slots: (FieldName | null)[] = new Array(SLOTS).fill(null);
  for (const text of COMMON) {
    let hash = HASH_START;
    for (let at = 0; at < text.length; at++) hash = nextHash(hash, text.charCodeAt(at));
    let slot = hash & (SLOTS - 1);
    while (slots[slot] !== null) slot = (slot + 1) & (SLOTS - 1);
    slots[slot] = {
      text,
      octets: Buffer.from(text, 'latin1'),
      role: ROLES[text] ?? FIELD_ORDINARY,
    };
  }
  return slots;
}
