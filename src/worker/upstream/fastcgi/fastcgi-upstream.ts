// The transport to FastCGI applications such as PHP-FPM: the connections of one upstream in one
// configuration, and who waits for one. A connection holds a process of the application, so none is kept
// unless asked for, and requests are never multiplexed: no application that we know of can do it (PHP-FPM
// answers FCGI_MPXS_CONNS with 0).

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Peer } from '../../../core/peer.ts';
import type { Attempt, Upstream } from '../../../core/upstream.ts';
import { type ConnectionHost, FastcgiConnection, type Outgoing } from './connection.ts';
import { gather } from './gather.ts';
import type { FastcgiOptions } from './options.ts';
import { paramsOf } from './params.ts';
import { requestHead } from './records.ts';
import { type Carrier, FastcgiRequest } from './request.ts';
import { scriptOf } from './script.ts';

export class FastcgiUpstream implements Upstream, ConnectionHost, Carrier {
  readonly options: FastcgiOptions;
  readonly #connections = new Set<FastcgiConnection>();
  readonly #idle = new Map<Peer, FastcgiConnection[]>();
  /** Who waits for a connection, first come first served. */
  readonly #line: Outgoing[] = [];
  #lineTimer: NodeJS.Timeout | null = null;
  #isDraining = false;

  constructor(options: FastcgiOptions) {
    this.options = options;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get pending(): number {
    return this.#line.length;
  }

  send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
    const request = new FastcgiRequest(exchange, peer, attempt, this.options);
    const script = scriptOf(exchange.target, this.options.script);
    if (script === null || script === 'invalid') {
      request.breakOff(new ProxyError(script === null ? 'no_script' : 'bad_target'));
      return;
    }
    const go = (bodyBytes: number, gathered: Uint8Array | null) => {
      const params = paramsOf(exchange, script, this.options.script, bodyBytes);
      const head = requestHead(params, this.options.keptMax > 0);
      this.#dispatch({ request, head, gathered });
    };
    const body = exchange.requestBody;
    if (body === null) go(-1, null);
    else if (body.byteLength >= 0) go(body.byteLength, null);
    else {
      gather(body, this.options.chunkedBodyBytesMax, (result) => {
        if (request.isOver) return;
        if (result instanceof ProxyError) request.breakOff(result);
        else go(result.length, result);
      });
    }
  }

  /** Another configuration took over: unused connections close now, the others after their request. */
  drain(): void {
    this.#isDraining = true;
    for (const idle of [...this.#idle.values()].flat()) idle.close();
  }

  /** Ends all connections and what runs on them. */
  close(): void {
    this.drain();
    for (const { request } of this.#line.splice(0)) request.breakOff(new ProxyError('draining'));
    for (const connection of [...this.#connections]) connection.fail(new ProxyError('draining'));
    this.#setTimer();
  }

  #dispatch(outgoing: Outgoing): void {
    const { request } = outgoing;
    const kept = this.#idle.get(request.peer)?.pop();
    if (kept !== undefined) kept.send(outgoing);
    else if (this.#hasRoom()) this.#connections.add(new FastcgiConnection(this, outgoing));
    else if (this.#line.length >= this.options.pendingMax) {
      request.breakOff(new ProxyError('queue_full'));
    } else {
      request.carrier = this;
      request.deadlineMs = performance.now() + this.options.pendingTimeoutMs;
      this.#line.push(outgoing);
      this.#setTimer();
    }
  }

  /** A connection may be opened; one that another peer does not use makes room if need be. */
  #hasRoom(): boolean {
    const { connectionsMax } = this.options;
    if (this.#connections.size < connectionsMax) return true;
    for (const [connection] of this.#idle.values()) {
      if (connection === undefined) continue;
      connection.close();
      return this.#connections.size < connectionsMax;
    }
    return false;
  }

  // What connections tell.

  released(connection: FastcgiConnection): void {
    const at = this.#line.findIndex(({ request }) => request.peer === connection.peer);
    if (at >= 0) {
      connection.send(this.#line.splice(at, 1)[0]!);
      return;
    }
    const idle = this.#idle.get(connection.peer) ?? [];
    this.#idle.set(connection.peer, idle);
    if (this.#isDraining || this.#line.length > 0 || idle.length >= this.options.keptMax) {
      connection.close();
    } else {
      idle.push(connection);
    }
  }

  gone(connection: FastcgiConnection): void {
    this.#connections.delete(connection);
    const idle = this.#idle.get(connection.peer);
    const at = idle?.indexOf(connection) ?? -1;
    if (at >= 0) idle!.splice(at, 1);
    const next = this.#line.length > 0 && this.#hasRoom() ? this.#line.shift() : undefined;
    if (next !== undefined) this.#connections.add(new FastcgiConnection(this, next));
  }

  repeat(outgoing: Outgoing): void {
    // In use a moment ago, so that there is room for one.
    this.#connections.add(new FastcgiConnection(this, outgoing));
  }

  // As carrier of those who wait: nothing flows yet.

  pause(): void {}
  resume(): void {}
  completed(): void {}
  abandon(request: FastcgiRequest): void {
    const at = this.#line.findIndex((outgoing) => outgoing.request === request);
    if (at >= 0) this.#line.splice(at, 1);
  }

  #setTimer(): void {
    const first = this.#line[0];
    if (this.#lineTimer !== null) clearTimeout(this.#lineTimer);
    this.#lineTimer = null;
    if (first === undefined) return;
    const waitMs = Math.max(first.request.deadlineMs - performance.now(), 1);
    this.#lineTimer = setTimeout(() => this.#expire(), waitMs);
  }

  #expire(): void {
    const nowMs = performance.now();
    while ((this.#line[0]?.request.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const { request } = this.#line.shift()!;
      request.carrier = null;
      request.breakOff(new ProxyError('queue_timeout'));
    }
    this.#setTimer();
  }
}
