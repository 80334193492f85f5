// What answers on ports that only send people to TLS.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange, ExchangeHandler } from '../core/exchange.ts';
import type { Server } from './serve.ts';

const NOTHING = new Uint8Array(0);

/** Sends everybody to the same host and target on another port, and accounts for it like `server` does. */
export class RedirectHandler implements ExchangeHandler {
  readonly #server: Server;
  readonly #port: number;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
  }

  serve(exchange: Exchange): void {
    const headers = ['location', this.#locationOf(exchange)];
    this.#server.answer(exchange, { status: 308, headers, body: NOTHING });
  }

  refuse(exchange: Exchange, error: ProxyError): void {
    this.#server.refuse(exchange, error);
  }

  aborted(exchange: Exchange): void {
    this.#server.aborted(exchange);
  }

  finished(exchange: Exchange): void {
    this.#server.finished(exchange);
  }

  #locationOf({ host, target }: Exchange): string {
    const name = host.replace(/:[0-9]*$/, '');
    const port = this.#port === 443 ? '' : `:${this.#port}`;
    return `https://${name}${port}${target === '*' ? '/' : target}`;
  }
}
