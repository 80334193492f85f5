// The connections of one upstream to one peer, the ones used last first, and the exchanges that wait for
// one of them. Knows that an HTTP/2 connection carries many exchanges only in that undici says when it is
// full.

import { ProxyError } from '../../../core/errors.ts';
import type { Peer } from '../../../core/peer.ts';
import type { AttemptCarrier, AttemptHandler } from './attempt-handler.ts';
import type { BudgetedPool, ConnectionBudget } from './connection-budget.ts';
import { toProxyError } from './failure.ts';
import type { UndiciOptions } from './options.ts';
import { createSlotFactory, type Slot, type SlotEvents } from './slot.ts';

export class PeerPool implements AttemptCarrier, BudgetedPool, SlotEvents {
  readonly #peer: Peer;
  readonly #options: UndiciOptions;
  readonly #budget: ConnectionBudget;
  readonly #createSlot: () => Slot;
  readonly #slots = new Set<Slot>();
  /** Those with room; the last one was used last. */
  readonly #free: Slot[] = [];
  /** First in, first out. */
  readonly #waiting: AttemptHandler[] = [];
  #waitTimer: NodeJS.Timeout | null = null;
  /** Whether the peer may turn out to take many exchanges on the connection that is being opened. */
  #mayMultiplex: boolean;
  #isServing = false;
  #isDraining = false;

  constructor(peer: Peer, options: UndiciOptions, budget: ConnectionBudget) {
    this.#peer = peer;
    this.#options = options;
    this.#budget = budget;
    this.#mayMultiplex = peer.address.scheme === 'https' || options.h2c === true;
    this.#createSlot = createSlotFactory(peer, options, this);
    budget.add(this);
  }

  get connections(): number {
    return this.#slots.size;
  }

  get waitingSince(): number {
    return this.#waiting.length === 0 ? Infinity : this.#waiting[0]!.deadlineMs;
  }

  /** Sends the attempt now, lets it wait, or fails it. */
  send(handler: AttemptHandler): void {
    const slot = this.#waiting.length > 0 ? null : (this.#takeFree() ?? this.#open());
    if (slot !== null) this.#dispatch(slot, handler);
    else this.#wait(handler);
  }

  /** Closes what is unused now, and the rest when it is. */
  drain(): void {
    this.#isDraining = true;
    while (this.closeIdle());
  }

  /** Ends all connections and all that runs on them. */
  destroy(): void {
    this.#isDraining = true;
    for (const slot of this.#slots) this.#retire(slot);
    this.#failWaiting(new ProxyError('draining'));
  }

  closeIdle(): boolean {
    for (const slot of this.#free) {
      if (slot.running > 0) continue;
      this.#retire(slot);
      return true;
    }
    return false;
  }

  serveWaiting(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#waiting.length > 0) {
      const slot = this.#takeFree() ?? this.#open();
      if (slot === null) break;
      const handler = this.#waiting.shift()!;
      this.#budget.givePending(this);
      this.#dispatch(slot, handler);
    }
    this.#isServing = false;
  }

  // As carrier of attempts.

  forget(handler: AttemptHandler): void {
    const at = this.#waiting.indexOf(handler);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    this.#budget.givePending(this);
  }

  settled(handler: AttemptHandler): void {
    const slot = handler.slot as Slot | null;
    if (slot === null) return;
    handler.slot = null;
    slot.running -= 1;
    if (slot.running > 0) return;
    if (!slot.isConnected || this.#isWorn(slot)) this.#retire(slot);
    // undici lets a turn pass before it uses the connection again; the next exchange may wait there.
    else if (this.#waiting.length === 0 && !this.#budget.shouldYield(this)) this.#putFree(slot);
  }

  isReused(handler: AttemptHandler): boolean {
    const slot = handler.slot as Slot | null;
    return slot !== null && slot.served > 1;
  }

  isBroken(handler: AttemptHandler): boolean {
    const slot = handler.slot as Slot | null;
    return slot?.isBroken ?? false;
  }

  repeat(handler: AttemptHandler): void {
    // Where one kept connection was stale the others are likely to be.
    const slot = this.#open() ?? this.#takeFree();
    if (slot !== null) this.#dispatch(slot, handler);
    else this.#wait(handler);
  }

  // As listener to its slots.

  onConnected(_slot: Slot, isH2: boolean): void {
    this.#mayMultiplex = isH2;
    // With HTTP/1.1 the others need not wait for this connection any longer.
    if (!isH2 && this.#waiting.length > 0) setImmediate(() => this.serveWaiting());
  }

  onConnectFailed(_slot: Slot, error: Error): void {
    if (!this.#mayMultiplex) return;
    for (const slot of this.#slots) if (slot.isConnected) return;
    // They waited for this very connection.
    const secure = this.#peer.address.scheme === 'https';
    this.#failWaiting(toProxyError(error, 'connecting', secure));
  }

  onDisconnected(slot: Slot): void {
    if (slot.running === 0) this.#retire(slot);
  }

  onDrain(slot: Slot): void {
    if (slot.isRetired || slot.isFree) return;
    const isUnused = slot.running === 0;
    if (isUnused && (!slot.isConnected || this.#isWorn(slot) || this.#budget.shouldYield(this))) {
      this.#retire(slot);
      return;
    }
    this.#putFree(slot);
    this.serveWaiting();
  }

  #dispatch(slot: Slot, handler: AttemptHandler): void {
    slot.running += 1;
    slot.served += 1;
    handler.slot = slot;
    const hasRoom = handler.dispatchOn(slot.client);
    // A request that undici refuses to write leaves no drain event behind.
    const wasRefused = !hasRoom && slot.client.stats.size === 0 && handler.slot === null;
    if (hasRoom || wasRefused) this.#putFree(slot);
  }

  #open(): Slot | null {
    if (this.#mayMultiplex) {
      for (const slot of this.#slots) if (slot.isConnecting) return null;
    }
    if (!this.#budget.takeConnection()) return null;
    const slot = this.#createSlot();
    this.#slots.add(slot);
    return slot;
  }

  #takeFree(): Slot | null {
    for (;;) {
      const slot = this.#free.pop();
      if (slot === undefined) return null;
      slot.isFree = false;
      if (slot.isRetired) continue;
      if (!this.#isWorn(slot)) return slot;
      if (slot.running === 0) this.#retire(slot);
    }
  }

  #putFree(slot: Slot): void {
    if (slot.isFree || slot.isRetired) return;
    slot.isFree = true;
    this.#free.push(slot);
  }

  #isWorn(slot: Slot): boolean {
    if (this.#isDraining) return true;
    if (slot.served >= this.#options.keepAlive.requestsMax) return true;
    return (
      slot.isConnected && performance.now() - slot.connectedAtMs >= this.#options.keepAlive.ageMs
    );
  }

  #retire(slot: Slot): void {
    if (slot.isRetired) return;
    slot.isRetired = true;
    this.#slots.delete(slot);
    if (slot.isFree) {
      slot.isFree = false;
      this.#free.splice(this.#free.indexOf(slot), 1);
    }
    // Often called from inside undici, which is not done with this client yet.
    setImmediate(() => slot.client.destroy(() => {}));
    this.#budget.giveConnection();
    this.serveWaiting();
  }

  #wait(handler: AttemptHandler): void {
    if (!this.#budget.takePending(this)) {
      handler.failWaiting(new ProxyError('queue_full', this.#options.upstream));
      return;
    }
    handler.deadlineMs = performance.now() + this.#options.pendingTimeoutMs;
    this.#waiting.push(handler);
    if (this.#waitTimer === null) this.#armTimer(this.#options.pendingTimeoutMs);
  }

  #expire(): void {
    this.#waitTimer = null;
    const nowMs = performance.now() + 1;
    while (this.#waiting.length > 0 && this.#waiting[0]!.deadlineMs <= nowMs) {
      const handler = this.#waiting.shift()!;
      this.#budget.givePending(this);
      handler.failWaiting(new ProxyError('queue_timeout', this.#options.upstream));
    }
    if (this.#waiting.length === 0 || this.#waitTimer !== null) return;
    this.#armTimer(Math.max(1, this.#waiting[0]!.deadlineMs - performance.now()));
  }

  #armTimer(delayMs: number): void {
    this.#waitTimer = setTimeout(() => this.#expire(), delayMs).unref();
  }

  #failWaiting(error: ProxyError): void {
    for (const handler of this.#waiting.splice(0)) {
      this.#budget.givePending(this);
      handler.failWaiting(error);
    }
  }
}
