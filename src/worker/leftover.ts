// A response that another attempt is to replace because of its status (`retry.statuses`): when that may be,
// and what becomes of its body, which nobody wants.

import { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import type { Sink, Source } from '../core/sink.ts';
import { hasBudget, mayRetry } from './retry.ts';

/** A body up to this size is read to its end, so that the connection can be used again. */
const READ_BYTES_MAX = 64 * 1024;

const UNWANTED = new ProxyError('error_status', 'the rest is not wanted');

/** Returns what counts as the failure when the status of a response is one that does, or null. */
export function statusFailure({ status }: Exchange, plan: Plan): ProxyError | null {
  if (plan.failingStatuses?.has(status) !== true) return null;
  return new ProxyError('error_status', String(status));
}

/**
 * Tells whether an answer may be passed over for another attempt. Unlike a failure it is worth something to
 * the client: without room in the budget, or another peer to ask, it is passed on at once, as it is.
 */
export function mayReplace(exchange: Exchange, error: ProxyError, plan: Plan): boolean {
  const { retry, queue, balancer } = plan;
  if (!mayRetry(exchange, error, retry) || !hasBudget(retry!, exchange.peer!.group)) return false;
  if (queue?.isBusy === true) return false;
  exchange.tried ??= [];
  exchange.tried.push(exchange.peer!);
  const other = balancer.pick(exchange);
  exchange.tried.pop();
  return other !== null;
}

/** Takes the rest of the response while the exchange goes on without it. */
export class Leftover implements Sink {
  readonly #source: Source;
  #bytes = 0;
  #isOver = false;
  #isTold = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Tells, once, that the end which its attempt reports is that of this response (it follows at once). */
  takesEnd(): boolean {
    if (!this.#isOver || this.#isTold) return false;
    this.#isTold = true;
    return true;
  }

  start(): void {}

  write(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > READ_BYTES_MAX) this.drop();
    return true;
  }

  end(): void {
    this.#isOver = true;
  }

  fail(): void {
    this.#isOver = true;
  }

  /** Lets go of it at once when there is too much to read, or the request is still being sent. */
  weigh({ responseByteLength, requestBody }: Exchange): void {
    const isUploading = requestBody !== null && requestBody.complete === null;
    if (isUploading || responseByteLength > READ_BYTES_MAX) this.drop();
  }

  /** Waits no longer for its end; the connection closes. */
  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.cancel(UNWANTED);
  }
}
