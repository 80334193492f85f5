// A page that an upstream has, held in memory and fetched again from time to time, like a file that is
// watched: whoever needs it has it at once, also when the upstream that has it is away as well.

import { ProxyError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import { Exchange } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import type { Sink } from '../core/sink.ts';
import type { Kept } from './kept.ts';
import type { OwnExchanges } from './own-exchanges.ts';

/** How soon it is tried again while there is no page at all. */
const AGAIN_MS = 2000;

export interface FetchedPageOptions {
  readonly upstream: string;
  readonly path: string;
  readonly refreshMs: number;
  readonly bytesMax: number;
  readonly events: Events;
  readonly exchanges: OwnExchanges;
}

export class FetchedPage implements Kept {
  readonly #options: FetchedPageOptions;
  /** How the upstream is asked: that of the newest configuration. */
  #plan: Plan;
  #timer: NodeJS.Timeout | null = null;
  #running: Exchange | null = null;
  #content: Buffer | null = null;
  #hasFailed = false;
  #isClosed = false;

  constructor(options: FetchedPageOptions, plan: Plan) {
    this.#options = options;
    this.#plan = plan;
    this.#timer = setTimeout(() => this.#fetch(), 0);
  }

  /** Null until it has been fetched for the first time. */
  get content(): Buffer | null {
    return this.#content;
  }

  follow(plan: Plan): void {
    this.#plan = plan;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#cancel(new ProxyError('draining'));
  }

  #fetch(): void {
    const { path, bytesMax, exchanges } = this.#options;
    const page = new PageSink(bytesMax, (content, problem) => {
      // Only a page that is too large is over before its exchange is.
      if (!page.isComplete) this.#cancel(new ProxyError('client_closed', 'more than is wanted'));
      this.#take(content, problem);
    });
    const exchange = new Exchange(
      {
        entry: { listener: 'error pages', scheme: 'http', port: 0 },
        method: 'GET',
        target: path,
        host: '',
        headers: ['accept', '*/*'],
        remoteAddress: '127.0.0.1',
        body: null,
        webSocket: null,
      },
      page,
      performance.now(),
    );
    page.exchange = exchange;
    exchange.plan = this.#plan;
    exchange.requestId = 'error-page';
    this.#running = exchange;
    exchanges.forward(exchange, this.#plan);
  }

  #cancel(error: ProxyError): void {
    const running = this.#running;
    this.#running = null;
    if (running !== null) this.#options.exchanges.cancel(running, error);
  }

  #take(content: Buffer | null, problem: string): void {
    this.#running = null;
    if (this.#isClosed) return;
    const { upstream, path, refreshMs, events } = this.#options;
    if (content !== null) this.#content = content;
    else if (!this.#hasFailed) events.error({ upstream, path, problem }, 'no page for errors');
    this.#hasFailed = content === null;
    const afterMs = this.#content === null ? Math.min(AGAIN_MS, refreshMs) : refreshMs;
    this.#timer = setTimeout(() => this.#fetch(), afterMs);
    this.#timer.unref();
  }
}

/** Gathers the response of an exchange of our own. */
class PageSink implements Sink {
  /** Set right after construction. */
  exchange!: Exchange;
  readonly #bytesMax: number;
  readonly #done: (content: Buffer | null, problem: string) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  /** Its source has said all. */
  isComplete = false;
  #isOver = false;

  constructor(bytesMax: number, done: (content: Buffer | null, problem: string) => void) {
    this.#bytesMax = bytesMax;
    this.#done = done;
  }

  start(): void {}

  write(chunk: Uint8Array): boolean {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= this.#bytesMax) {
      this.#chunks.push(Buffer.from(chunk));
      return true;
    }
    this.#finish(null, `it is larger than ${this.#bytesMax} bytes`);
    return true;
  }

  end(): void {
    const { status, failure } = this.exchange;
    this.isComplete = true;
    const problem = failure === null ? `status ${status}` : failure.code;
    this.#finish(status === 200 && failure === null ? Buffer.concat(this.#chunks) : null, problem);
  }

  fail(error: ProxyError): void {
    this.isComplete = true;
    this.#finish(null, error.code);
  }

  #finish(content: Buffer | null, problem: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#done(content, problem);
  }
}
