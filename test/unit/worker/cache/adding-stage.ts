// Stages for tests: one that changes bodies, and tells of itself as those do that decode or compress, and one
// that fails.

import { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import { headerValue } from '../../../../src/core/headers.ts';
import type { Sink, Source } from '../../../../src/core/sink.ts';

/** Passes a body on as what decodes does: of unknown length, and it says that it is what runs. */
class PassedOn implements Sink, Source {
  protected readonly next: Sink;
  readonly #exchange: Exchange;
  #source: Source | null = null;
  #isOver = false;

  constructor(exchange: Exchange, next: Sink) {
    this.#exchange = exchange;
    this.next = next;
    exchange.responseByteLength = -1;
  }
  start(source: Source): void {
    this.#source = source;
    this.#exchange.running = this;
    this.next.start(this);
  }
  write(chunk: Uint8Array): boolean {
    return this.#isOver || this.next.write(chunk);
  }
  end(): void {
    if (this.close()) return;
    this.finish();
    this.next.end();
  }
  fail(error: ProxyError): void {
    if (!this.close()) this.next.fail(error);
  }
  pause(): void {
    this.#source?.pause();
  }
  resume(): void {
    this.#source?.resume();
  }
  cancel(error: ProxyError): void {
    const source = this.#source;
    if (!this.close()) source?.cancel(error);
  }
  /** Before the end. */
  protected finish(): void {}
  private close(): boolean {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#source = null;
    if (this.#exchange.running === this) this.#exchange.running = null;
    return wasOver;
  }
}

/** Adds a text at the end of a body. */
class Adding extends PassedOn {
  readonly #what: string;

  constructor(exchange: Exchange, next: Sink, what: string) {
    super(exchange, next);
    this.#what = what;
  }
  protected override finish(): void {
    this.next.write(Buffer.from(this.#what));
  }
}

export const passingOn = {
  name: 'passes on',
  attach: (exchange: Exchange, next: Sink): Sink => new PassedOn(exchange, next),
};

/** Adds `what` to bodies, and says so in the head. */
export const adding = (what: string) => ({
  name: `adds ${what}`,
  attach(exchange: Exchange, next: Sink) {
    const { method, status } = exchange;
    exchange.responseHeaders.push('x-added', what);
    if (method === 'HEAD' || status === 204 || status === 304) return next;
    return new Adding(exchange, next, what);
  },
});

/** For requests with `x-fail` it gives up at the first byte, or at a later chunk, as a plugin does that throws. */
export const failing = {
  name: 'fails',
  attach(exchange: Exchange, next: Sink): Sink {
    const field = headerValue(exchange.requestHeaders, 'x-fail');
    if (field === undefined) return next;
    let left = field === 'me' ? 1 : Number(field);
    let source: Source | null = null;
    return {
      start(given) {
        source = given;
        next.start(given);
      },
      write(chunk) {
        if (source === null) return false;
        left -= 1;
        if (left > 0) return next.write(chunk);
        const error = new ProxyError('plugin_failed');
        source.cancel(error);
        source = null;
        next.fail(error);
        return false;
      },
      end() {
        if (source !== null) next.end();
      },
      fail(error) {
        if (source !== null) next.fail(error);
      },
    };
  },
};
