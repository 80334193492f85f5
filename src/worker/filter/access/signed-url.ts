// Links that are good for a while: the target carries when it ends and a signature over all the rest.
//
//   signature = base64url(HMAC-SHA256(secret, target without the signature parameter))

import { createHmac, timingSafeEqual } from 'node:crypto';
import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { AccessCheck, Refusal } from './check.ts';
import { queryParameter, withoutQueryParameter } from './query.ts';

export interface SignedUrlOptions {
  /** The first signs, all are believed. */
  readonly secrets: readonly string[];
  readonly signatureParameter: string;
  /** Unix time in seconds. */
  readonly expiresParameter: string;
  readonly nowMs: () => number;
}

export class SignedUrlCheck implements AccessCheck {
  readonly name = 'signed-url';
  readonly #options: SignedUrlOptions;

  constructor(options: SignedUrlOptions) {
    this.#options = options;
  }

  check(exchange: Exchange): Refusal | null {
    const { secrets, signatureParameter, expiresParameter, nowMs } = this.#options;
    const given = queryParameter(exchange.target, signatureParameter);
    if (given === undefined) return new ProxyError('forbidden', 'not a signed URL');
    // Twice could mean two things to two readers.
    const unsigned = withoutQueryParameter(exchange.target, signatureParameter);
    const isRight = secrets.some((secret) => isSame(signTarget(unsigned, secret), given));
    if (!isRight) return new ProxyError('forbidden', 'a wrong signature');
    const expires = queryParameter(unsigned, expiresParameter);
    if (expires === undefined || !/^\d{1,12}$/.test(expires)) {
      return new ProxyError('forbidden', 'a signed URL without an end');
    }
    if (Number(expires) * 1000 <= nowMs()) return new ProxyError('forbidden', 'an expired URL');
    exchange.target = withoutQueryParameter(unsigned, expiresParameter);
    return null;
  }
}

/** Returns the signature of a target (byte string) that has no signature parameter yet. */
export function signTarget(target: string, secret: string): string {
  return createHmac('sha256', secret).update(target, 'latin1').digest('base64url');
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1')];
  return a.length === b.length && timingSafeEqual(a, b);
}
