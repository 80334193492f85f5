// Cache-Status (RFC 9211): one member that tells what this cache did, behind those of caches before it.

import type { StoredResponse } from '../../core/cache.ts';
import type { RawHeaders } from '../../core/headers.ts';

/** Why a request went to a peer (section 2.2). */
export type ForwardReason =
  | 'bypass'
  | 'method'
  | 'miss'
  | 'uri-miss'
  | 'vary-miss'
  | 'stale'
  | 'request';

/** Returns the member for an answer from the store. */
export function hitStatus(name: string, stored: StoredResponse, nowMs: number): string {
  // Negative when stale (section 2.4).
  return `${name}; hit; ttl=${Math.trunc((stored.freshUntilMs - nowMs) / 1000)}`;
}

export interface Forwarded {
  readonly reason: ForwardReason;
  /** Status of the peer's answer when the client gets another one; 0 to leave it out. */
  readonly status: number;
  readonly isStored: boolean;
  readonly isCollapsed: boolean;
}

interface KnownMember {
  readonly name: string;
  readonly member: string;
}

/** The last members of the usual kind: those that are stored, and those that are not. */
const knownStored = new Map<ForwardReason, KnownMember>();
const knownOthers = new Map<ForwardReason, KnownMember>();

/**
 * Returns the member for an answer that came from a peer: mostly the same string as the last time, which
 * makes it no text to put together, nor one to compare with that of the last head (HeadMemo).
 */
export function forwardStatus(name: string, forwarded: Forwarded): string {
  const { reason, status, isStored, isCollapsed } = forwarded;
  if (status !== 0 || isCollapsed) return forwardMember(name, forwarded);
  const members = isStored ? knownStored : knownOthers;
  const known = members.get(reason);
  if (known !== undefined && known.name === name) return known.member;
  const member = forwardMember(name, forwarded);
  members.set(reason, { name, member });
  return member;
}

function forwardMember(name: string, forwarded: Forwarded): string {
  let text = `${name}; fwd=${forwarded.reason}`;
  if (forwarded.status !== 0) text += `; fwd-status=${forwarded.status}`;
  if (forwarded.isStored) text += '; stored';
  if (forwarded.isCollapsed) text += '; collapsed';
  return text;
}

/** Returns the member for a stale answer in place of a failure. */
export function standInStatus(name: string, status: number): string {
  return `${name}; fwd=stale; fwd-status=${status}; detail=stale-if-error`;
}

/** Adds the member of this cache to a head; nothing without a name. */
export function addStatus(headers: RawHeaders, member: string | null): void {
  if (member !== null) headers.push('cache-status', member);
}
