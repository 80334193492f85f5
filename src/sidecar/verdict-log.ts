// Tells the operator when a peer goes or comes back, and when a breaker opens or closes: one event each.

import { reasonOf } from '../channel/peer-health.ts';
import type { PeerState, Verdict } from '../channel/shared-state.ts';
import type { Events } from '../core/events.ts';

export class VerdictLog {
  readonly #events: Events;
  /** What was told last; who is healthy or closed is not in it. */
  readonly #told = new WeakMap<PeerState, Verdict | 'open' | 'ramp'>();

  constructor(events: Events) {
    this.#events = events;
  }

  /** Looks at what has changed, be it health or not. */
  see(peer: PeerState): void {
    if (peer.guards !== null) this.#seeBreaker(peer, peer.guards.spec.name);
    else if (peer.upstream !== null) this.#seePeer(peer, peer.upstream.spec.name);
  }

  #seePeer(peer: PeerState, upstream: string): void {
    const { verdict } = peer;
    const before = this.#told.get(peer) ?? 'healthy';
    if (verdict === before) return;
    const fields = { upstream, peer: peer.id.slice(upstream.length + 1) };
    if (verdict === 'healthy') {
      this.#told.delete(peer);
      this.#events.info(fields, 'peer is back');
      return;
    }
    this.#told.set(peer, verdict);
    this.#events.warn({ ...fields, reason: reasonOf(peer) }, 'peer is out');
  }

  #seeBreaker(guard: PeerState, upstream: string): void {
    const phase = guard.breaker?.phase ?? 'closed';
    const before = this.#told.get(guard) ?? 'closed';
    if (phase === before) return;
    if (phase === 'closed') this.#told.delete(guard);
    else this.#told.set(guard, phase);
    if (phase === 'open') this.#events.warn({ upstream }, 'breaker is open');
    else this.#events.info({ upstream }, `breaker is ${phase === 'ramp' ? 'half open' : 'closed'}`);
  }
}
