// Compiles what keeps the clients of one upstream on their peers.

import { createHmac } from 'node:crypto';
import type { StickTables } from '../channel/stick-tables.ts';
import type { UpstreamConfig } from '../config/schema.ts';
import type { Peer } from '../core/peer.ts';
import type { Session } from '../core/session.ts';
import { HalfSipHash } from '../std/half-sip-hash.ts';
import { CookieSession } from './session/cookie-session.ts';
import { TableSession } from './session/table-session.ts';

/** What outlives a snapshot, as far as sessions need it. */
export interface SessionParts {
  readonly tables: StickTables;
  /** Made by the primary at its start, the same in all workers. */
  readonly secret: string;
}

/** Returns null when the upstream's clients go wherever the balancer picks. */
export function compileSession(
  upstream: string,
  sticky: UpstreamConfig['sticky'],
  { parts, peers }: { readonly parts: SessionParts; readonly peers: readonly Peer[] },
): Session | null {
  const { by, name, ttlMs, entriesMax } = sticky;
  const wallMs = Date.now;
  if (by === 'off') return null;
  if (by === 'cookie') {
    return new CookieSession({ name, secret: sticky.secret ?? parts.secret, ttlMs, peers, wallMs });
  }
  const table = parts.tables.tableOf({ upstream, entriesMax, ttlMs });
  // Sessions of one kind and name must not be met by those of another after a reload.
  const label = `session ${upstream} ${by} ${name}`;
  const hash = new HalfSipHash(createHmac('sha256', parts.secret).update(label).digest());
  return new TableSession({ by, name, table, hash, peers, wallMs });
}
