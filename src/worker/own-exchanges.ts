// Exchanges that no client asked for: fetches for the cache, pages for errors. They have no listener that
// tells when they are over.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import { type ForwardContext, forward } from './forward.ts';
import { releasePeer } from './hold.ts';

export interface OwnExchanges {
  /** Sends an exchange to a peer; its response goes to its `client`. */
  forward(exchange: Exchange, plan: Plan): void;
  /** Ends an exchange that `forward` was given, wherever it is; nothing more comes of it. */
  cancel(exchange: Exchange, error: ProxyError): void;
}

export function ownExchanges(context: ForwardContext): OwnExchanges {
  return {
    forward: (exchange, plan) => forward(exchange, plan, context),
    cancel: (exchange, error) => {
      exchange.running?.cancel(error);
      releasePeer(exchange, context);
    },
  };
}
