// One call of a handler: the request goes in, the response comes out, and both bodies stream at the pace of
// whoever is slower.
//
//   asked ── response ──► open ── last chunk ──► over
//     └─ error, time-out, client gone ───────────►

import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { OWN_FIELDS, type RawHeaders } from '../../core/headers.ts';
import { isWithoutBody } from '../../core/response-body.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { Attempt } from '../../core/upstream.ts';
import type { PluginUnit } from './plugin-unit.ts';
import { webRequest } from './web-request.ts';

/** Methods that no web request has. */
const NO_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** A stream that always has more would never let anybody else have a turn. */
const CHUNKS_PER_TURN = 16;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

export class HandlerCall implements Source {
  readonly #exchange: Exchange;
  readonly #attempt: Attempt;
  readonly #unit: PluginUnit;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #sink: Sink | null = null;
  #reader: Reader | null = null;
  #hasHead = false;
  #isOver = false;
  #isPaused = false;
  #isReading = false;
  #chunksInTurn = 0;

  constructor(exchange: Exchange, attempt: Attempt, unit: PluginUnit) {
    this.#exchange = exchange;
    this.#attempt = attempt;
    this.#unit = unit;
    exchange.running = this;
    unit.hold(exchange);
  }

  /** Calls the handler, which has `timeoutMs` for its response. */
  begin(timeoutMs: number, fetch: (request: Request) => Response | Promise<Response>): void {
    const unit = this.#unit;
    const request = this.#request();
    if (request === null) return;
    const startedMs = performance.now();
    let outcome: Response | Promise<Response>;
    try {
      outcome = fetch(request);
    } catch (error) {
      unit.called(startedMs);
      this.#break(unit.failed(error));
      return;
    }
    unit.called(startedMs);
    this.#timer = setTimeout(() => this.#break(unit.timedOut(timeoutMs)), timeoutMs);
    const waited = () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      unit.numbers.waitedMs += performance.now() - startedMs;
    };
    Promise.resolve(outcome).then(
      (response) => {
        waited();
        this.#open(response);
      },
      (reason: unknown) => {
        waited();
        if (!this.#isOver) this.#break(unit.failed(reason));
      },
    );
  }

  /** What the web's interface can't tell is the client's fault, not the plugin's. */
  #request(): Request | null {
    try {
      return webRequest(this.#exchange, {
        signal: this.#controller.signal,
        onBodyFailed: (error) => this.#break(error),
      });
    } catch (error) {
      const isForbidden = NO_METHODS.has(this.#exchange.method);
      const code = isForbidden ? 'method_not_allowed' : 'bad_request';
      this.#break(new ProxyError(code, `handler: ${String(error)}`));
      return null;
    }
  }

  #open(response: Response): void {
    if (this.#isOver) {
      void response?.body?.cancel().catch(ignore);
      return;
    }
    const exchange = this.#exchange;
    try {
      takeHead(exchange, response);
    } catch (error) {
      this.#break(this.#unit.failed(error));
      return;
    }
    this.#unit.succeeded();
    this.#hasHead = true;
    const sink = this.#attempt.onHead(this);
    if (this.#isOver) return;
    this.#sink = sink;
    sink.start(this);
    const { body } = response;
    const isBare = exchange.method === 'HEAD' || isWithoutBody(exchange.status);
    if (isBare || body === null) {
      if (body !== null) void body.cancel().catch(ignore);
      this.#end();
      return;
    }
    this.#reader = body.getReader() as Reader;
    this.#read();
  }

  #read(): void {
    if (this.#isReading || this.#isPaused || this.#isOver) return;
    this.#isReading = true;
    this.#reader!.read().then(
      ({ done, value }) => {
        this.#isReading = false;
        if (this.#isOver) return;
        if (done) this.#end();
        else this.#take(value);
      },
      (reason: unknown) => {
        this.#isReading = false;
        if (!this.#isOver) this.#break(this.#unit.failed(reason));
      },
    );
  }

  #take(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) {
      this.#break(this.#unit.failed(new TypeError('expected a body of bytes')));
      return;
    }
    if (chunk.byteLength > 0 && !this.#sink!.write(chunk)) this.#isPaused = true;
    this.#chunksInTurn += 1;
    if (this.#chunksInTurn < CHUNKS_PER_TURN) {
      this.#read();
      return;
    }
    this.#chunksInTurn = 0;
    setImmediate(() => this.#read());
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink!.end();
    this.#attempt.onDone(null);
  }

  /** Before the head as well as behind it. */
  #break(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop(error);
    if (this.#hasHead) {
      this.#sink?.fail(error);
      this.#attempt.onDone(error);
    } else {
      this.#exchange.running = null;
      this.#attempt.onFailure(error);
    }
  }

  #stop(error: ProxyError): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#controller.abort(new Error(error.failure.message));
    this.#reader?.cancel().catch(ignore);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#reader !== null) this.#read();
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop(error);
    if (this.#exchange.running === this) this.#exchange.running = null;
    if (this.#hasHead) this.#attempt.onDone(error);
  }
}

/** Puts the head into the exchange. Throws a TypeError when it is none. */
function takeHead(exchange: Exchange, response: Response): void {
  if (!(response instanceof Response)) {
    throw new TypeError(`expected a Response, got ${typeof response}`);
  }
  if (response.status < 200) throw new TypeError('expected a Response, got Response.error()');
  if (response.bodyUsed) throw new TypeError('expected a Response whose body was not read');
  // What `fetch` of Node has fetched is decoded already, whatever its fields say.
  const isDecoded = response.url !== '' && response.headers.has('content-encoding');
  const headers: RawHeaders = [];
  for (const [name, value] of response.headers) {
    if (OWN_FIELDS.has(name) || (isDecoded && name === 'content-encoding')) continue;
    headers.push(name, value);
  }
  exchange.status = response.status;
  exchange.responseHeaders = headers;
  exchange.responseByteLength = isDecoded ? -1 : lengthOf(response);
}

/** Body length in bytes as far as it is known. */
function lengthOf({ body, headers }: Response): number {
  if (body === null) return 0;
  const declared = headers.get('content-length');
  return declared !== null && /^\d{1,15}$/.test(declared) ? Number(declared) : -1;
}

function ignore(): void {}
