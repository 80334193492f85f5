// A handler that answers by script, and the listener in front of it: what serve is to the real listener.

import { ProxyError } from '../../../../../src/core/errors.ts';
import type { Exchange, ExchangeHandler } from '../../../../../src/core/exchange.ts';
import type { RawHeaders } from '../../../../../src/core/headers.ts';
import type { Sink, Source } from '../../../../../src/core/sink.ts';
import type { Certificate } from '../../../../../src/worker/listener/certificate.ts';
import type { ClientLimit } from '../../../../../src/worker/listener/client-limit.ts';
import type { Cleanup } from '../../../../support/deadline.ts';

process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '32768';
// Only now: the addon reads the environment when it loads.
const { openUwsListener } = await import('../../../../../src/worker/listener/uws/listener.ts');
const { openNodeListener } = await import('../../../../../src/worker/open-node-listener.ts');

export type Engine = 'uws' | 'node';
let engine: Engine = 'uws';

/** Chooses what `openScripted` opens; to be called before the suites are loaded. */
export function useEngine(name: Engine): void {
  engine = name;
}

/** The engine under test. */
export function engineUnderTest(): Engine {
  return engine;
}

/** What both engines offer. */
type AnyListener = Pick<
  ReturnType<typeof openUwsListener>,
  | 'port'
  | 'exchangesRunning'
  | 'connectionsOpen'
  | 'connections'
  | 'webSocketsOpen'
  | 'drain'
  | 'closeAll'
>;

export const NOTHING_BEHIND: Source = { pause() {}, resume() {}, cancel() {} };

/** Notes everything a listener does; `script` answers. */
export class ScriptedHandler implements ExchangeHandler {
  readonly served: Exchange[] = [];
  readonly refused: { readonly exchange: Exchange; readonly error: ProxyError }[] = [];
  readonly abortedExchanges: Exchange[] = [];
  readonly finishedExchanges: Exchange[] = [];
  script: (exchange: Exchange) => void;

  constructor(script: (exchange: Exchange) => void) {
    this.script = script;
  }

  serve(exchange: Exchange): void {
    this.served.push(exchange);
    this.script(exchange);
  }

  refuse(exchange: Exchange, error: ProxyError): void {
    this.refused.push({ exchange, error });
    exchange.failure = error;
    answer(exchange, { status: error.failure.status, body: `${error.code}\n` });
  }

  aborted(exchange: Exchange): void {
    this.abortedExchanges.push(exchange);
    exchange.running?.cancel(new ProxyError('client_closed'));
  }

  finished(exchange: Exchange): void {
    if (exchange.finished) throw new Error('finished twice');
    exchange.finished = true;
    this.finishedExchanges.push(exchange);
  }
}

export interface Answer {
  readonly status?: number;
  readonly headers?: RawHeaders;
  readonly body?: string | Uint8Array;
  /** Default: that of the body. */
  readonly byteLength?: number;
}

/** Answers in one piece. */
export function answer(exchange: Exchange, parts: Answer = {}): void {
  const body = Buffer.from(parts.body ?? '');
  exchange.status = parts.status ?? 200;
  exchange.responseHeaders = parts.headers ?? [];
  exchange.responseByteLength = parts.byteLength ?? body.byteLength;
  exchange.client.start(NOTHING_BEHIND);
  if (body.byteLength > 0) exchange.client.write(body);
  exchange.client.end();
}

/** Collects a request body, then calls `done` with it, or with the failure. */
export function collect(
  exchange: Exchange,
  done: (body: Buffer, error: ProxyError | null) => void,
): void {
  const chunks: Buffer[] = [];
  if (exchange.requestBody === null) {
    done(Buffer.alloc(0), null);
    return;
  }
  const sink: Sink = {
    start() {},
    write(chunk) {
      chunks.push(Buffer.from(chunk));
      return true;
    },
    end: () => done(Buffer.concat(chunks), null),
    fail: (error) => done(Buffer.concat(chunks), error),
  };
  exchange.requestBody.pipe(sink);
}

export interface ListenerSetup {
  readonly listener: AnyListener;
  readonly handler: ScriptedHandler;
  readonly port: number;
  /** What the listener reported as a bug. */
  readonly reports: unknown[];
}

export const SETTINGS = {
  requestHeaderCount: 98,
  requestHeadBytes: 32 * 1024,
  replayBytes: 64 * 1024,
  streamBufferBytes: 64 * 1024,
  webSocketMessageBytes: 1024 * 1024,
  exchangesMax: 100,
  requestHeadMs: 10_000,
  clientIdleMs: 10_000,
  requestBodyIdleMs: 60_000,
  uploadBytesPerSecond: 0,
  uploadPaceMs: 10_000,
  webSocketIdleMs: 3_600_000,
  clientLimit: null as ClientLimit | null,
};

function tlsWith(certificate: Certificate) {
  const clientAuth = { mode: 'off', ca: null, crl: null } as const;
  return {
    settings: { profile: 'intermediate', clientAuth } as const,
    certificates: [certificate],
    ...{ proofFor: null, demand: null, secret: 'test' },
  };
}

/** Opens a listener on a free port (or `host`) with a scripted handler. */
export async function openScripted(
  context: Cleanup,
  script: (exchange: Exchange) => void,
  options: {
    readonly host?: string;
    readonly settings?: Partial<typeof SETTINGS>;
    readonly tickMs?: number;
    /** Of the engine node. */
    readonly http2?: boolean;
    readonly isBalancer?: (address: string) => boolean;
    /** TLS with this; on the engine node. */
    readonly certificate?: Certificate;
  } = {},
): Promise<ListenerSetup> {
  const handler = new ScriptedHandler(script);
  const reports: unknown[] = [];
  const common = {
    name: 'test',
    host: options.host ?? '127.0.0.1',
    port: 0,
    handler,
    settings: { ...SETTINGS, ...options.settings },
    report: (error: unknown) => reports.push(error),
    ...(options.tickMs === undefined ? {} : { tickMs: options.tickMs }),
  };
  const listener =
    engine === 'uws'
      ? openUwsListener(common)
      : await openNodeListener({
          ...common,
          http2: options.http2 ?? false,
          isBalancer: options.isBalancer ?? (() => false),
          ...(options.certificate === undefined ? {} : { tls: tlsWith(options.certificate) }),
        });
  context.after(() => listener.closeAll());
  return { listener, handler, port: listener.port, reports };
}
