// What is signed for an authority: JSON Web Signatures in their flattened form (RFC 7515 section 7.2.2)
// with ECDSA P-256, or with an HMAC for accounts elsewhere, and key thumbprints (RFC 7638).

import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** A public key of P-256, members in the order in which a thumbprint wants them. */
export interface Jwk {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
  readonly y: string;
}

export interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** Protected header fields but `alg`. */
export type JwsHeader = Readonly<Record<string, unknown>>;

/** Returns the public part of a key of P-256. */
export function jwkOf(key: KeyObject): Jwk {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { crv, kty, x, y };
}

/** Returns the thumbprint of a key, SHA-256 in base64url. */
export function thumbprintOf({ crv, kty, x, y }: Jwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}

/** Signs `payload` with ES256; null is the empty payload of POST-as-GET (RFC 8555 section 6.3). */
export function signJws(key: KeyObject, header: JwsHeader, payload: unknown): Jws {
  return seal({ alg: 'ES256', ...header }, payload, (input) => {
    return sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
  });
}

/** Authenticates `payload` with HS256. */
export function macJws(secret: Uint8Array, header: JwsHeader, payload: unknown): Jws {
  return seal({ alg: 'HS256', ...header }, payload, (input) => {
    return createHmac('sha256', secret).update(input).digest();
  });
}

function seal(header: JwsHeader, payload: unknown, sealer: (input: Buffer) => Buffer): Jws {
  const head = base64url(JSON.stringify(header));
  const body = payload === null ? '' : base64url(JSON.stringify(payload));
  const signature = sealer(Buffer.from(`${head}.${body}`, 'latin1')).toString('base64url');
  return { protected: head, payload: body, signature };
}

function base64url(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}
