// The stage that shows a plugin the heads of responses and lets it change bodies as they stream through.

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Reply, ResponseStage } from '../../core/filter.ts';
import { headerValue } from '../../core/headers.ts';
import { changedBodyFields, hasWholeBody } from '../../core/response-body.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { BodyTransform, Plugin } from '../../plugin/define-plugin.ts';
import { bytesOf, disarm } from './answer.ts';
import type { PluginUnit } from './plugin-unit.ts';
import { type PluginRoute, RequestView } from './request-view.ts';
import { ResponseView } from './response-view.ts';

/** What other phases do for it. */
export interface PluginStageParts {
  /** Gives `next` the decoded body; null when that is not possible. Settles the fields of the response. */
  readonly decode: (exchange: Exchange, next: Sink) => Sink | null;
  /** Returns the answer to a failure. */
  readonly replyFor: (exchange: Exchange, error: ProxyError) => Reply;
}

export class PluginStage implements ResponseStage {
  readonly name: string;
  readonly #unit: PluginUnit;
  readonly #plugin: Required<Pick<Plugin, 'response'>>;
  readonly #route: PluginRoute;
  readonly #options: unknown;
  readonly #parts: PluginStageParts;

  /** The plugin has a function `response`. */
  constructor(unit: PluginUnit, route: PluginRoute, options: unknown, parts: PluginStageParts) {
    this.name = `plugin ${unit.settings.name}`;
    this.#unit = unit;
    this.#plugin = unit.plugin as Required<Pick<Plugin, 'response'>>;
    this.#route = route;
    this.#options = options;
    this.#parts = parts;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const unit = this.#unit;
    const startedMs = performance.now();
    if (!unit.mayCall(startedMs)) return this.#goOn(exchange, next, unit.resting());
    const view = new ResponseView(exchange);
    const request = new RequestView(exchange, this.#route, unit, false);
    let transform: BodyTransform | undefined;
    try {
      transform = this.#plugin.response(view, request, this.#options);
      if (transform !== undefined) checkTransform(transform);
    } catch (error) {
      return this.#goOn(exchange, next, unit.failed(error));
    } finally {
      unit.called(startedMs);
      view.seal();
    }
    unit.succeeded();
    return transform === undefined ? next : this.#transform(exchange, next, transform);
  }

  #transform(exchange: Exchange, next: Sink, transform: BodyTransform): Sink {
    if (!hasWholeBody(exchange)) return next;
    const sink =
      exchange.method === 'HEAD' ? next : new TransformedBody(this.#unit, next, transform);
    this.#unit.hold(exchange);
    const coding = headerValue(exchange.responseHeaders, 'content-encoding');
    const isPlain = coding === undefined || coding.trim().toLowerCase() === 'identity';
    const outer = isPlain ? sink : this.#parts.decode(exchange, sink);
    if (outer === null) return next;
    exchange.responseHeaders = changedBodyFields(exchange.responseHeaders);
    exchange.responseByteLength = -1;
    return outer;
  }

  #goOn(exchange: Exchange, next: Sink, error: ProxyError): Sink {
    if (this.#unit.settings.onError === 'pass') return next;
    const reply = this.#parts.replyFor(exchange, error);
    exchange.failure ??= error;
    exchange.status = reply.status;
    exchange.responseHeaders = reply.headers;
    exchange.responseByteLength = reply.body.byteLength;
    exchange.cached = null;
    exchange.responseTrailers = null;
    return new RefusedBody(next, exchange.method === 'HEAD' ? null : reply.body, error);
  }
}

function checkTransform(transform: BodyTransform): void {
  if (typeof transform === 'object' && transform !== null) {
    if (typeof transform.chunk === 'function' && !(transform instanceof Promise)) return;
  }
  disarm(transform);
  const got = transform instanceof Promise ? 'a promise' : typeof transform;
  throw new TypeError(`expected nothing, or an object with a function chunk, got ${got}`);
}

/** Hands each chunk to the plugin; pressure passes through. */
class TransformedBody implements Sink, Source {
  readonly #unit: PluginUnit;
  readonly #next: Sink;
  readonly #transform: BodyTransform;
  #source: Source | null = null;
  #isOver = false;

  constructor(unit: PluginUnit, next: Sink, transform: BodyTransform) {
    this.#unit = unit;
    this.#next = next;
    this.#transform = transform;
  }

  start(source: Source): void {
    this.#source = source;
    this.#next.start(this);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    // A copy, which the plugin may write into: the chunk may be that of a stored answer.
    const bytes = this.#ask(() => this.#transform.chunk(new Uint8Array(chunk)));
    if (bytes === null) return false;
    return bytes.byteLength === 0 ? true : this.#next.write(bytes);
  }

  end(): void {
    if (this.#isOver) return;
    const bytes = this.#ask(() => this.#transform.end?.());
    if (bytes === null) return;
    if (bytes.byteLength > 0) this.#next.write(bytes);
    if (this.#finish()) this.#next.end();
  }

  fail(error: ProxyError): void {
    if (this.#finish()) this.#next.fail(error);
  }

  pause(): void {
    this.#source?.pause();
  }

  resume(): void {
    this.#source?.resume();
  }

  cancel(error: ProxyError): void {
    this.#finish();
    this.#source?.cancel(error);
  }

  /** Returns what goes on; null when the plugin failed: what was sent must not look complete. */
  #ask(call: () => Uint8Array | string | undefined): Uint8Array | null {
    const startedMs = performance.now();
    try {
      const given = call();
      return given === undefined ? NOTHING : bytesOf(given);
    } catch (reason) {
      const error = this.#unit.failed(reason);
      this.#finish();
      this.#source?.cancel(error);
      this.#next.fail(error);
      return null;
    } finally {
      this.#unit.numbers.busyMs += performance.now() - startedMs;
    }
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    return true;
  }
}

/** An error page in place of the response; nobody wants that any more. */
class RefusedBody implements Sink {
  readonly #next: Sink;
  readonly #page: Uint8Array | null;
  readonly #error: ProxyError;

  constructor(next: Sink, page: Uint8Array | null, error: ProxyError) {
    this.#next = next;
    this.#page = page;
    this.#error = error;
  }

  start(source: Source): void {
    this.#next.start(NOTHING_BEHIND);
    if (this.#page !== null) this.#next.write(this.#page);
    this.#next.end();
    source.cancel(this.#error);
  }

  write(): boolean {
    return false;
  }
  end(): void {}
  fail(): void {}
}

const NOTHING = new Uint8Array(0);
const NOTHING_BEHIND: Source = { pause() {}, resume() {}, cancel() {} };
