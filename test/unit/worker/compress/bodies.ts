// What the tests of compression share: a peer's body fed by hand, a client that can be slow, threads that
// answer when they are told to.

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { CompressionPolicy } from '../../../../src/core/compression.ts';
import type { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import type { Offload } from '../../../../src/core/offload.ts';
import type { Sink, Source } from '../../../../src/core/sink.ts';
import { CompressStage } from '../../../../src/worker/compress/compress-stage.ts';
import { Compression } from '../../../../src/worker/compress/compression.ts';
import { type EncodePayload, encode } from '../../../../src/worker/offload/tasks/encode.ts';
import { type DcbPayload, encodeDcb } from '../../../../src/worker/offload/tasks/encode-dcb.ts';
import { until } from '../../../support/deadline.ts';
import { makeExchange } from '../support/exchanges.ts';

export const POLICY: CompressionPolicy = {
  encodings: ['zstd', 'br', 'gzip'],
  levels: { zstd: 3, br: 4, gzip: 4 },
  minBytes: 1024,
  types: ['text/*', '*+json', 'application/json'],
  dictionaries: false,
  decode: true,
  decodedRatioMax: 200,
  decodedBytesMax: 8 * 1024 * 1024,
};

/** Text that compresses as pages do. */
export function page(bytes: number): Buffer {
  let text = '';
  for (let at = 0; text.length < bytes; at++) {
    text += `<li id="${(at * 7919) % 10_007}">item ${at} of a list, as pages have them</li>\n`;
  }
  return Buffer.from(text.slice(0, bytes));
}

/** Takes a response; while `isFull`, says so. */
export class Client implements Sink {
  source: Source | null = null;
  readonly chunks: Buffer[] = [];
  isFull = false;
  ended = 0;
  error: ProxyError | null = null;
  /** Fields and length when the response started. */
  headers: RawHeaders | null = null;
  byteLength = 0;
  exchange!: Exchange;

  start(source: Source): void {
    this.source = source;
    // From now on the head may leave at any time.
    this.#noteHead();
  }
  write(chunk: Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk));
    return !this.isFull;
  }
  end(): void {
    this.ended += 1;
  }
  fail(error: ProxyError): void {
    this.error = error;
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }
  field(name: string): string | undefined {
    const at = this.headers?.findIndex((text, index) => index % 2 === 0 && text === name) ?? -1;
    return at === -1 ? undefined : this.headers![at + 1];
  }
  get plain(): Buffer {
    return decoded(this.body, this.field('content-encoding') ?? 'identity');
  }
  async over(): Promise<void> {
    await until(() => this.ended > 0 || this.error !== null, { what: 'the response is over' });
  }

  #noteHead(): void {
    this.headers = [...this.exchange.responseHeaders];
    this.byteLength = this.exchange.responseByteLength;
  }
}

export function decoded(body: Buffer, coding: string): Buffer {
  if (coding === 'gzip') return gunzipSync(body);
  if (coding === 'br') return brotliDecompressSync(body);
  if (coding === 'zstd') return zstdDecompressSync(body);
  return body;
}

/** Threads that do it at the next turn, and can be full. */
export class FakeThreads implements Offload {
  readonly counters = { done: 0, failed: 0, refused: 0 };
  isFull = false;
  failure: Error | null = null;
  tasks = 0;

  run(
    task: string,
    payload: object,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<unknown> | null {
    if (this.isFull) return null;
    this.tasks += 1;
    const { failure } = this;
    // As a real transfer does: the sender has nothing any more of what is moved.
    const given: unknown = structuredClone(payload, { transfer: [...transfer] });
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        if (failure !== null) reject(failure);
        else if (task === 'encode') resolve(encode(given as EncodePayload));
        else resolve(encodeDcb(given as DcbPayload));
      });
    });
  }
}

export function makeCompression(): Compression {
  const threads = new FakeThreads();
  return new Compression({ offload: threads, spare: new FakeThreads(), alone: threads });
}

export interface Answer {
  readonly accept?: string;
  readonly method?: string;
  readonly host?: string;
  readonly status?: number;
  readonly headers?: RawHeaders;
  /** As the peer declares it. */
  readonly byteLength?: number;
  readonly requestHeaders?: RawHeaders;
  readonly policy?: Partial<CompressionPolicy>;
}

/** One response on its way through the stage. */
export class Passage implements Source {
  readonly client = new Client();
  readonly threads: FakeThreads;
  readonly compression: Compression;
  readonly exchange: Exchange;
  readonly sink: Sink;
  isPaused = false;
  cancelledBy: ProxyError | null = null;

  constructor(answer: Answer, compression = makeCompression()) {
    const { accept, status, headers, byteLength, policy, requestHeaders } = answer;
    const { method = 'GET', host = 'example.com' } = answer;
    this.compression = compression;
    this.threads = compression.offload as FakeThreads;
    const fields = requestHeaders ?? [];
    if (accept !== undefined) fields.push('accept-encoding', accept);
    this.exchange = makeExchange({ method, host, headers: fields }, this.client);
    this.client.exchange = this.exchange;
    this.exchange.status = status ?? 200;
    this.exchange.responseHeaders = headers ?? ['content-type', 'text/html', 'etag', '"1"'];
    this.exchange.responseByteLength = byteLength ?? -1;
    const stage = new CompressStage({ ...POLICY, ...policy }, compression, null);
    this.sink = stage.attach(this.exchange, this.client);
    this.sink.start(this);
  }

  get isUntouched(): boolean {
    return this.sink === this.client;
  }

  /** Nothing is held for it any more. */
  get isFree(): boolean {
    return this.compression.heldBytes === 0 && this.compression.streams === 0;
  }

  /** Writes as a transport does: the bytes are gone after the call; stops when it is full. */
  async feed(body: Uint8Array, chunkBytes: number): Promise<void> {
    for (let at = 0; at < body.byteLength && this.cancelledBy === null; at += chunkBytes) {
      const chunk = Buffer.from(body.subarray(at, at + chunkBytes));
      if (!this.sink.write(chunk)) this.isPaused = true;
      chunk.fill(0x58);
      if (this.isPaused) await until(() => !this.isPaused, { what: 'the source may go on' });
    }
  }

  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  cancel(error: ProxyError): void {
    this.isPaused = false;
    this.cancelledBy ??= error;
  }
}
