// A plugin in place of an upstream: its `fetch` answers with a web response, whose body streams. For the
// rest of the worker it is a transport with one peer that never fails, so that stages and caches work.

import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer } from '../../core/peer.ts';
import type { Attempt, Upstream } from '../../core/upstream.ts';
import type { HandlerContext, Plugin } from '../../plugin/define-plugin.ts';
import { HandlerCall } from './handler-call.ts';
import type { PluginUnit } from './plugin-unit.ts';

export interface HandlerOptions {
  readonly unit: PluginUnit;
  readonly route: string;
  readonly options: unknown;
  /** Limit for the head of the response. */
  readonly timeoutMs: number;
}

export class Handler implements Upstream {
  readonly #options: HandlerOptions;
  readonly #plugin: Required<Pick<Plugin, 'fetch'>>;

  /** The plugin has a function `fetch`. */
  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#plugin = options.unit.plugin as Required<Pick<Plugin, 'fetch'>>;
  }

  send(exchange: Exchange, _peer: Peer, attempt: Attempt): void {
    const { unit, route, options, timeoutMs } = this.#options;
    if (!unit.mayCall(performance.now())) {
      attempt.onFailure(unit.resting());
      return;
    }
    const context = new Context(exchange, route, options);
    new HandlerCall(exchange, attempt, unit).begin(timeoutMs, (request) => {
      return this.#plugin.fetch(request, context);
    });
  }
}

/** Handlers do not speak WebSocket. */
export const noTunnel: Upstream = {
  send(_exchange, _peer, attempt) {
    attempt.onFailure(new ProxyError('upgrade_failed', 'handlers do not speak WebSocket'));
  },
};

class Context implements HandlerContext<unknown> {
  readonly #exchange: Exchange;
  readonly route: string;
  readonly options: unknown;
  /** Taken apart by most who use it. */
  readonly capture = (name: string): string | undefined => this.#exchange.captures?.get(name);

  constructor(exchange: Exchange, route: string, options: unknown) {
    this.#exchange = exchange;
    this.route = route;
    this.options = options;
  }

  get id(): string {
    return this.#exchange.requestId;
  }
  get clientAddress(): string {
    return this.#exchange.clientAddress;
  }
  get user(): string {
    return this.#exchange.user;
  }
  get isIdentified(): boolean {
    return this.#exchange.isIdentified;
  }
}
