// The listeners of this worker: which are open, which a staged configuration adds, which it gives up.

import type { BoundListener } from '../channel/control.ts';
import type { Config, ListenerConfig } from '../config/schema.ts';
import type { ExchangeHandler } from '../core/exchange.ts';
import { openUwsListener, type UwsListener } from './listener/uws/listener.ts';

/** Keyed by address: a listener that only gets another name stays open. */
type Listeners = Map<string, UwsListener>;

/** Opens and closes listeners in step with configurations; the kernel spreads clients over workers. */
export class ListenerSet {
  readonly #handler: ExchangeHandler;
  #active: Listeners = new Map();
  #staged: Listeners | null = null;

  constructor(handler: ExchangeHandler) {
    this.#handler = handler;
  }

  /**
   * Opens what `config` adds, so that a port that can't be had refuses the configuration. Clients that
   * come before the activation are served by the configuration that is active. Throws when a port fails.
   */
  stage(config: Config): void {
    this.discard();
    const staged: Listeners = new Map();
    this.#staged = staged;
    for (const listener of config.listeners) {
      const key = keyOf(listener);
      staged.set(key, this.#active.get(key) ?? this.#open(listener, config));
    }
  }

  /** Closes what the staged configuration does not have; connections finish what they are at. */
  activate(config: Config): void {
    const before = this.#active;
    this.#active = this.#staged ?? before;
    this.#staged = null;
    for (const listener of this.#active.values()) listener.configure(settingsOf(config));
    for (const [key, listener] of before) {
      if (!this.#active.has(key)) listener.drain();
    }
  }

  discard(): void {
    for (const [key, listener] of this.#staged ?? []) {
      if (!this.#active.has(key)) listener.drain();
    }
    this.#staged = null;
  }

  bound(config: Config): BoundListener[] {
    return config.listeners.map((listener) => ({
      name: listener.name,
      port: this.#active.get(keyOf(listener))?.port ?? listener.port,
    }));
  }

  /** Accepts nothing any more; answers from now on close their connections. */
  drain(): void {
    this.discard();
    for (const listener of this.#active.values()) listener.drain();
  }

  /** Cuts what is still open. */
  closeAll(): void {
    for (const listener of this.#active.values()) listener.closeAll();
  }

  get connectionsOpen(): number {
    return this.#sum((listener) => listener.connectionsOpen);
  }

  get connections(): number {
    return this.#sum((listener) => listener.connections);
  }

  get webSocketsOpen(): number {
    return this.#sum((listener) => listener.webSocketsOpen);
  }

  #open(listener: ListenerConfig, config: Config): UwsListener {
    return openUwsListener({
      name: listener.name,
      host: listener.host,
      port: listener.port,
      handler: this.#handler,
      settings: settingsOf(config),
    });
  }

  #sum(count: (listener: UwsListener) => number): number {
    let sum = 0;
    for (const listener of this.#active.values()) sum += count(listener);
    return sum;
  }
}

function keyOf({ host, port }: ListenerConfig): string {
  return `${host ?? '*'}:${port}`;
}

function settingsOf({ limits, timeouts }: Config) {
  return {
    requestHeaderCount: limits.requestHeaderCount,
    requestHeadBytes: limits.requestHeadBytes,
    replayBytes: limits.replayBytes,
    streamBufferBytes: limits.streamBufferBytes,
    webSocketMessageBytes: limits.webSocketMessageBytes,
    exchangesMax: limits.exchangesMax,
    requestHeadMs: timeouts.requestHeadMs,
    clientIdleMs: timeouts.clientIdleMs,
    requestBodyIdleMs: timeouts.requestBodyIdleMs,
    webSocketIdleMs: timeouts.webSocketIdleMs,
  };
}
