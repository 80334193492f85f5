// What a transport's tests need around it: an attempt that records what is reported, a sink that can be
// slow, and a request body that a test feeds by hand.

import type { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import { Peer } from '../../../../src/core/peer.ts';
import type { RequestBody } from '../../../../src/core/request-body.ts';
import type { Sink, Source } from '../../../../src/core/sink.ts';
import type { TunnelAttempt } from '../../../../src/core/tunnel.ts';
import { until } from '../../../support/deadline.ts';

/** Records an attempt and takes its response body. */
export class RecordingAttempt implements TunnelAttempt, Sink {
  /** In order: `head`, `start`, `end`, `failed CODE`, `failure CODE`, `upgraded`, `done`, `done CODE`. */
  readonly calls: string[] = [];
  readonly chunks: Buffer[] = [];
  byteCount = 0;
  source: Source | null = null;
  error: ProxyError | null = null;
  /** While set, `write` says that it is full. */
  isFull = false;
  onChunk: ((chunk: Buffer) => void) | null = null;
  /** Whether chunks are kept, or only counted. */
  isKeeping = true;

  onHead(source: Source): Sink {
    this.calls.push('head');
    this.source = source;
    return this;
  }
  onFailure(error: ProxyError): void {
    this.error = error;
    this.calls.push(`failure ${error.code}`);
  }
  onUpgraded(source: Source): void {
    this.calls.push('upgraded');
    this.source = source;
  }
  onDone(error: ProxyError | null): void {
    this.error = error;
    this.calls.push(error === null ? 'done' : `done ${error.code}`);
  }
  start(): void {
    this.calls.push('start');
  }
  write(chunk: Uint8Array): boolean {
    this.byteCount += chunk.length;
    const copy = Buffer.from(chunk);
    if (this.isKeeping) this.chunks.push(copy);
    this.onChunk?.(copy);
    return !this.isFull;
  }
  end(): void {
    this.calls.push('end');
  }
  fail(error: ProxyError): void {
    this.calls.push(`failed ${error.code}`);
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }
  get isOver(): boolean {
    const last = this.calls.at(-1) ?? '';
    return last.startsWith('done') || last.startsWith('failure');
  }

  async head(): Promise<void> {
    await until(() => this.calls.length > 0, { what: 'a response head or a failure' });
  }
  async over(): Promise<void> {
    await until(() => this.isOver, { what: `the attempt is over (${this.calls})` });
  }
}

/** A request body that a test feeds; holds everything, so it can always be piped again. */
export class FedBody implements RequestBody {
  readonly byteLength: number;
  replayable = true;
  complete: Uint8Array | null = null;
  bytesMax = 0;
  isPaused = false;
  isReleased = false;
  pipeCount = 0;
  #sink: Sink | null = null;
  readonly #held: Buffer[] = [];
  #isEnded = false;

  constructor(byteLength = -1) {
    this.byteLength = byteLength;
  }

  /** Gives bytes to whoever is piped; false when it is full. */
  feed(bytes: Uint8Array | string): boolean {
    const chunk = Buffer.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    // What came before anybody took it is held in any case.
    if (this.replayable || this.#sink === null) this.#held.push(chunk);
    return this.#give(chunk);
  }
  finish(): void {
    this.#isEnded = true;
    this.#sink?.end();
  }
  breakOff(error: ProxyError): void {
    this.#sink?.fail(error);
  }

  pipe(sink: Sink): void {
    this.pipeCount += 1;
    this.#sink = sink;
    this.isPaused = false;
    sink.start(this);
    for (const chunk of this.#held) this.#give(chunk);
    if (!this.replayable) this.#held.length = 0;
    if (this.#isEnded) sink.end();
  }
  peek(sink: Sink): void {
    this.pipe(sink);
  }
  release(): void {
    this.isReleased = true;
    this.replayable = false;
    this.#held.length = 0;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  cancel(): void {
    this.#sink = null;
  }

  #give(chunk: Buffer): boolean {
    if (this.#sink === null) return false;
    // As a real listener's: gone after the call.
    const transient = Buffer.from(chunk);
    const isFree = this.#sink.write(transient);
    transient.fill(0x58);
    if (!isFree) this.isPaused = true;
    return isFree;
  }
}

/** A peer at 127.0.0.1 or `hostname`. */
export function makePeer(
  port: number,
  scheme: 'http' | 'https' = 'http',
  hostname = '127.0.0.1',
): Peer {
  const authority = `${hostname}:${port}`;
  const address = { scheme, hostname, port, authority, path: null } as const;
  return new Peer(`app/${scheme}://${authority}`, 'app', address);
}

/** Runs `send` and waits until the attempt is over. */
export async function completed(
  send: (attempt: RecordingAttempt) => void,
): Promise<RecordingAttempt> {
  const attempt = new RecordingAttempt();
  send(attempt);
  await attempt.over();
  return attempt;
}

/** Names and values of the response as `name: value` lines. */
export function headerLines(exchange: Exchange): string[] {
  const lines: string[] = [];
  const headers = exchange.responseHeaders;
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return lines;
}
