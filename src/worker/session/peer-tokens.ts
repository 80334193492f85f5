// Signed names of peers for a cookie. A token tells nobody but us which peer it means, and nobody but us
// can make one; it names no address.
//
//   ├ peer ──────────┼ time ──┼ signature ─────┤   peer       HMAC-SHA256 of the peer's id, 96 bits
//   0               16       23               37   time       s since 1970 when it was given
//                                                  signature  of both; 64 bits are enough, because who
//                                                             lies about the time gains nothing
//
// Peers' parts are worked out with the configuration: reading a token is one look into a map and a hash.

import { createHmac } from 'node:crypto';
import type { Peer } from '../../core/peer.ts';
import { HalfSipHash } from '../../std/half-sip-hash.ts';

const peerEnd = 16;
const timeEnd = 23;
const highEnd = 30;
const tokenLength = 37;

export class PeerTokens {
  readonly #peers = new Map<string, Peer>();
  readonly #parts = new Map<Peer, string>();
  readonly #hash: HalfSipHash;
  readonly #wallMs: () => number;
  /** Age in s of the token that was read last; below 0 when the clock has been put back. */
  ageSeconds = 0;

  /** `wallMs` is the time of day, which hosts with the same secret share. */
  constructor(secret: string, peers: readonly Peer[], wallMs: () => number) {
    for (const peer of peers) {
      const part = sign(secret, `peer ${peer.id}`).toString('base64url').slice(0, peerEnd);
      this.#peers.set(part, peer);
      this.#parts.set(peer, part);
    }
    this.#hash = new HalfSipHash(sign(secret, 'time'));
    this.#wallMs = wallMs;
  }

  /** Returns the peer that a token names, or null when it is none of ours; sets `ageSeconds`. */
  read(token: string): Peer | null {
    if (token.length !== tokenLength) return null;
    const peer = this.#peers.get(token.slice(0, peerEnd));
    if (peer === undefined) return null;
    this.#hash.update(token.slice(0, timeEnd));
    if (this.#hash.high !== numberAt(token, timeEnd)) return null;
    if (this.#hash.low !== numberAt(token, highEnd)) return null;
    this.ageSeconds = this.#nowSeconds() - numberAt(token, peerEnd);
    return peer;
  }

  /** Returns a token that names the peer, given now; null for a peer that is not of the configuration. */
  make(peer: Peer): string | null {
    const part = this.#parts.get(peer);
    if (part === undefined) return null;
    const signed = part + digits(this.#nowSeconds());
    this.#hash.update(signed);
    return signed + digits(this.#hash.high) + digits(this.#hash.low);
  }

  #nowSeconds(): number {
    return Math.floor(this.#wallMs() / 1000);
  }
}

function sign(secret: string, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

const digitCount = 7;

/** Seven digits hold 32 bits, and the seconds of two thousand years. */
function digits(value: number): string {
  return value.toString(36).padStart(digitCount, '0');
}

/** Reads the digits that begin there; -1 when they are none. */
function numberAt(text: string, start: number): number {
  let value = 0;
  for (let at = start; at < start + digitCount; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) value = value * 36 + code - 0x30;
    else if (code >= 0x61 && code <= 0x7a) value = value * 36 + code - 0x57;
    else return -1;
  }
  return value;
}
