// The connections to one peer: which one takes an attempt, and who waits when none can.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Peer } from '../../../core/peer.ts';
import { proxyIdentity } from '../../../core/proxy-header.ts';
import type { Attempt } from '../../../core/upstream.ts';
import type { Budget, BudgetUser } from './budget.ts';
import { Connection } from './connection.ts';
import type { ConnectionOwner, PooledConnection, Shared } from './connection-owner.ts';
import type { Http1Options } from './options.ts';
import { isPipelineable } from './request-body.ts';
import type { ResponseHead } from './response-head.ts';
import { Dialler } from './socket.ts';
import type { Sweepable } from './sweeper.ts';
import { type Carrier, Transfer } from './transfer.ts';
import { WaitingLine } from './waiting-line.ts';

/** What a pool is doing now, for metrics. */
export interface PoolStats {
  readonly peer: string;
  readonly connections: number;
  /** Of these, how many have nothing in flight. */
  readonly idle: number;
  readonly waiting: number;
  /** Connections opened, and attempts sent again after a stale one, since the pool was made. */
  readonly opened: number;
  readonly repeated: number;
}

/** What the pools of one upstream share. */
export interface PoolGroup {
  readonly budget: Budget;
  readonly head: ResponseHead;
}

export class Pool implements ConnectionOwner, Carrier, BudgetUser, Sweepable {
  readonly peer: Peer;
  options: Http1Options;
  readonly head: ResponseHead;
  /** No configuration names it any more: it finishes what runs and keeps nothing. */
  isRetired = false;
  isSpare = false;

  readonly #shared: Shared;
  readonly #budget: Budget;
  readonly #dialler: Dialler;
  readonly #connections: Connection[] = [];
  /** Those that can take an attempt, the last used last: it is the least likely to be stale. */
  readonly #available: PooledConnection[] = [];
  readonly #line = new WaitingLine();
  #opened = 0;
  #repeated = 0;

  constructor(peer: Peer, options: Http1Options, shared: Shared, group: PoolGroup) {
    this.peer = peer;
    this.options = options;
    this.head = group.head;
    this.#shared = shared;
    this.#budget = group.budget;
    this.#dialler = new Dialler(peer.address, options.tls, shared.buffer);
  }

  get waiting(): number {
    return this.#line.length;
  }

  get stats(): PoolStats {
    let idle = 0;
    for (const connection of this.#connections) if (connection.inFlight === 0) idle += 1;
    return {
      peer: this.peer.id,
      connections: this.#connections.length,
      idle,
      waiting: this.#line.length,
      opened: this.#opened,
      repeated: this.#repeated,
    };
  }

  /** Sends an attempt on a kept connection, else on a new one, else makes it wait. Never throws. */
  send(exchange: Exchange, attempt: Attempt): void {
    const { sendProxy = 'off', pipelining } = this.options;
    const identity = sendProxy === 'off' ? null : proxyIdentity(exchange);
    const transfer = new Transfer(exchange, attempt, identity);
    const connection = this.#take(pipelining > 1 && isPipelineable(exchange), identity);
    if (connection !== null) this.#sendOn(connection, transfer);
    else if (this.#budget.hasRoom()) this.#open(transfer);
    else this.#wait(transfer);
  }

  /** Returns the connection used last that has room and is for `identity`, or null. */
  #take(isPipelined: boolean, identity: string | null): PooledConnection | null {
    const available = this.#available;
    let at = available.length - 1;
    // The last one has room, but for an attempt that has to go alone next to pipelined ones, and where
    // each connection is for one client.
    while (
      at >= 0 &&
      !(available[at]!.identity === identity && available[at]!.hasRoom(isPipelined))
    ) {
      at--;
    }
    if (at < 0) return null;
    const connection = available[at]!;
    if (at === available.length - 1) available.pop();
    else available.splice(at, 1);
    connection.isListed = false;
    return connection;
  }

  #sendOn(connection: PooledConnection, transfer: Transfer): void {
    connection.send(transfer);
    if (this.options.pipelining > 1 && connection.hasRoom(true)) this.#list(connection);
  }

  #list(connection: PooledConnection): void {
    if (connection.isListed) return;
    connection.isListed = true;
    this.#available.push(connection);
    if (this.#available.length > 1 && !this.isSpare) this.#budget.hasSpare(this);
  }

  #open(transfer: Transfer): void {
    let connection: Connection;
    try {
      connection = new Connection(this, this.#shared, this.#dialler, transfer);
    } catch (error) {
      // Node refuses such addresses at once, e.g. a port or server name that can't be.
      transfer.breakOff(new ProxyError('connect_failed', String(error)));
      return;
    }
    this.#shared.sweeper.add(this);
    this.#opened += 1;
    this.#budget.connections += 1;
    connection.index = this.#connections.length;
    this.#connections.push(connection);
  }

  #wait(transfer: Transfer): void {
    if (this.#budget.pending >= this.#budget.pendingMax) {
      transfer.breakOff(new ProxyError('queue_full'));
      return;
    }
    this.#beginWaiting(transfer);
    this.#line.push(transfer);
  }

  #beginWaiting(transfer: Transfer): void {
    this.#shared.sweeper.add(this);
    this.#budget.pending += 1;
    transfer.carrier = this;
    transfer.deadlineMs = this.#shared.sweeper.deadlineIn(this.options.pendingTimeoutMs);
  }

  #endWaiting(transfer: Transfer): void {
    this.#line.remove(transfer);
    this.#budget.pending -= 1;
  }

  // What connections tell.

  released(connection: PooledConnection): void {
    const { pipelining } = this.options;
    let transfer = this.#line.first;
    while (
      transfer !== null &&
      transfer.identity === connection.identity &&
      connection.hasRoom(pipelining > 1 && isPipelineable(transfer.exchange))
    ) {
      this.#endWaiting(transfer);
      connection.send(transfer);
      transfer = this.#line.first;
    }
    if (!connection.hasRoom(pipelining > 1)) return;
    // Others wait for the peers next to this one: they get the room.
    if (this.#budget.pending > 0 && connection.inFlight === 0) connection.retire();
    else this.#list(connection);
  }

  gone(connection: PooledConnection): void {
    const last = this.#connections.pop()!;
    if (last !== connection) {
      this.#connections[connection.index] = last;
      last.index = connection.index;
    }
    if (connection.isListed) this.#available.splice(this.#available.indexOf(connection), 1);
    connection.isListed = false;
    this.#budget.connections -= 1;
  }

  repeat(transfer: Transfer): void {
    this.#repeated += 1;
    transfer.isRepeated = transfer.isBegun;
    transfer.isBegun = false;
    transfer.isSent = false;
    if (this.#budget.hasRoom()) {
      this.#open(transfer);
      return;
    }
    // Admitted once already: neither the bound nor the order of those who wait applies.
    this.#beginWaiting(transfer);
    this.#line.pushFirst(transfer);
  }

  settled(): void {
    this.#budget.serveWaiting();
  }

  // What the budget and the sweeper ask.

  get unused(): number {
    return this.#available.length;
  }

  closeOldestIdle(): boolean {
    for (const connection of this.#available) {
      if (connection.inFlight > 0) continue;
      connection.retire();
      return true;
    }
    return false;
  }

  openForWaiting(): void {
    const transfer = this.#line.first!;
    this.#endWaiting(transfer);
    this.#open(transfer);
  }

  sweep(nowMs: number): void {
    // Backwards: a connection that closes swaps places with the last one, which had its turn.
    for (let at = this.#connections.length - 1; at >= 0; at--) this.#connections[at]?.sweep(nowMs);
    for (let first = this.#line.first; first !== null; first = this.#line.first) {
      if (nowMs < first.deadlineMs) break;
      this.#endWaiting(first);
      first.breakOff(new ProxyError('queue_timeout'));
    }
    if (this.isEmpty) this.#shared.sweeper.remove(this);
  }

  /** Keeps no connection from now on; what runs and waits is finished. */
  retire(): void {
    this.isRetired = true;
    for (const connection of [...this.#connections]) connection.retire();
  }

  /** Ends everything at once with `error`. */
  destroy(error: ProxyError): void {
    this.isRetired = true;
    for (let first = this.#line.first; first !== null; first = this.#line.first) {
      this.#endWaiting(first);
      first.breakOff(error);
    }
    for (const connection of [...this.#connections]) connection.destroy(error);
  }

  get isEmpty(): boolean {
    return this.#connections.length === 0 && this.#line.length === 0;
  }

  // As carrier of the attempts that wait: nothing flows yet.

  pauseResponse(): void {}
  resumeResponse(): void {}
  abandon(transfer: Transfer): void {
    this.#endWaiting(transfer);
  }
}
