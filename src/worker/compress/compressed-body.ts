// A response body on its way to being compressed. It is gathered first, because most bodies are small and
// here at once: then one call does it, in a thread when it takes long. What is large, or comes slowly, is
// compressed as a stream. The head must not leave before that is known: `next` starts with its first bytes.
//
//   gathering ──ends, short──► encoded here ──────────┐
//      │  └─────ends, long───► encoded in a thread ───┴─► over
//      ├──large, or the source pauses──► streaming ─────► over
//      └──no thread, memory or stream──► plain ─────────► over

import type { CachedVariant } from '../../core/cache.ts';
import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { KIB, MIB } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { encodeWhole } from '../../std/encode.ts';
import {
  announceWhole,
  type BodyCompression,
  lengthToDeclare,
  openCompressedStream,
} from './compressed-stream.ts';
import { GatheredBody } from './gathered-body.ts';
import { Pieces } from './pieces.ts';
import { FLUSH_IDLE_MS, type RecodedStream } from './recoded-stream.ts';
import { INLINE_BYTES_MAX, type StoredEncodings } from './stored-encodings.ts';

/** Longer bodies are not held in memory as a whole: their first bytes should not wait for their last. */
export const WHOLE_BYTES_MAX = 1 * MIB;

/** So much of a body of unknown length is held before it is taken for a stream. */
export const GATHER_BYTES = 64 * KIB;

type Mode = 'gathering' | 'encoding' | 'giving' | 'streaming' | 'plain' | 'over';

export class CompressedBody implements Sink, Source {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #options: BodyCompression;
  #mode: Mode = 'gathering';
  #source: Source | null = null;
  #stream: RecodedStream | null = null;
  #idle: NodeJS.Timeout | null = null;
  #hasStarted = false;
  #pieces: Pieces | null = null;
  /** Its memory counts until the client has all of it. */
  readonly #held: GatheredBody;

  constructor(exchange: Exchange, next: Sink, options: BodyCompression) {
    this.#exchange = exchange;
    this.#next = next;
    this.#options = options;
    this.#held = new GatheredBody(options.compression);
  }

  start(source: Source): void {
    this.#source = source;
    this.#exchange.running = this;
    // A head that comes alone is meant to be seen alone. Where answers are stored it is the whole that
    // counts: it is encoded once for all.
    const { stored } = this.#options;
    if (stored === null && this.#exchange.responseByteLength === -1) this.#awaitPause();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#mode === 'streaming') return this.#stream!.write(chunk);
    if (this.#mode === 'plain') return this.#next.write(chunk);
    if (this.#mode !== 'gathering' || chunk.byteLength === 0) return true;
    const total = this.#exchange.responseByteLength;
    if (chunk.byteLength === total && total <= INLINE_BYTES_MAX) {
      this.#encodeHere(chunk);
      return true;
    }
    if (total > WHOLE_BYTES_MAX || !this.#keep(chunk)) {
      this.#startStream();
      return this.write(chunk);
    }
    if (this.#held.length !== total) this.#awaitPause();
    return true;
  }

  end(): void {
    if (this.#mode === 'over') return;
    this.#source = null;
    if (this.#mode === 'gathering') this.#encodeHeld();
    else if (this.#mode === 'streaming') this.#stream!.end();
    else if (this.#mode === 'plain') this.#finish();
  }

  fail(error: ProxyError): void {
    if (this.#mode === 'over') return;
    if (this.#stream !== null) this.#stream.fail(error);
    else this.#break(error);
    this.#close();
  }

  pause(): void {
    (this.#stream ?? this.#pieces ?? this.#source)?.pause();
  }

  resume(): void {
    (this.#stream ?? this.#pieces ?? this.#source)?.resume();
  }

  cancel(error: ProxyError): void {
    if (this.#mode === 'over') return;
    const source = this.#source;
    this.#stream?.cancel(error);
    this.#pieces?.cancel();
    this.#close();
    source?.cancel(error);
  }

  /** Copies a chunk; false: it does not fit, or there is no memory for it. */
  #keep(chunk: Uint8Array): boolean {
    const total = this.#exchange.responseByteLength;
    return this.#held.append(chunk, total === -1 ? GATHER_BYTES : total);
  }

  #awaitPause(): void {
    if (this.#idle !== null) this.#idle.refresh();
    else {
      this.#idle = setTimeout(() => {
        this.#startStream();
        this.#stream?.flush();
      }, FLUSH_IDLE_MS);
    }
  }

  /** The body is whole. */
  #encodeHeld(): void {
    const { coding, policy, compression, minBytes, stored } = this.#options;
    this.#stopWaiting();
    const body = this.#held.bytes;
    const { responseByteLength: total, status, cached } = this.#exchange;
    if (body.byteLength < minBytes || (total !== -1 && body.byteLength !== total)) {
      if (total === -1)
        this.#exchange.responseByteLength = lengthToDeclare(this.#exchange, body.byteLength);
      this.#give(body);
    } else if (stored !== null && cached?.body.byteLength === body.byteLength && status === 200) {
      this.#share(cached, stored);
    } else if (body.byteLength <= INLINE_BYTES_MAX) {
      this.#encodeHere(body);
      this.#finish();
    } else {
      // Read now: what is handed over is empty here.
      const { byteLength } = body;
      const work = { body, coding, level: policy.levels[coding] };
      const encoded = compression.offload.run('encode', work, [body.buffer]);
      if (encoded === null) {
        compression.counters.skipped += 1;
        this.#give(body);
      } else {
        this.#mode = 'encoding';
        encoded.then(
          (result) => this.#encoded(byteLength, result as Uint8Array),
          (reason: unknown) => this.#lost(reason),
        );
      }
    }
  }

  /** It is stored by now, and others may have waited for it as well: one of us encodes it for all. */
  #share(cached: CachedVariant, stored: StoredEncodings): void {
    const { coding } = this.#options;
    this.#mode = 'encoding';
    this.#held.release();
    const settle = (encoded: Uint8Array | null) => {
      if (this.#mode === 'over') return;
      if (encoded !== null) {
        announceWhole(this.#exchange, coding, cached.body.byteLength, encoded.byteLength);
      }
      this.#give(encoded ?? cached.body);
    };
    const ready = stored.find(cached, coding);
    const making = ready === null ? stored.make(cached, coding) : null;
    if (making === null) settle(ready);
    else void making.then(settle);
  }

  #encodeHere(body: Uint8Array): void {
    const { coding, policy } = this.#options;
    const encoded = encodeWhole(body, coding, policy.levels[coding]);
    const isSmaller = encoded.byteLength < body.byteLength;
    if (isSmaller) this.#announce(body.byteLength, encoded.byteLength);
    this.#mode = 'plain';
    if (this.#startNext()) this.#next.write(isSmaller ? encoded : body);
  }

  /** A thread is done; it gives back the body itself when that is no longer. */
  #encoded(bytesIn: number, result: Uint8Array): void {
    if (this.#mode === 'over') return;
    if (result.byteLength < bytesIn) this.#announce(bytesIn, result.byteLength);
    this.#give(result);
  }

  #announce(bytesIn: number, bytesOut: number): void {
    const { coding, compression } = this.#options;
    announceWhole(this.#exchange, coding, bytesIn, bytesOut);
    compression.count(coding, bytesIn, bytesOut);
  }

  /** Ends with a body that is whole. */
  #give(body: Uint8Array): void {
    this.#mode = 'giving';
    if (!this.#startNext()) return;
    this.#pieces = new Pieces(this.#next, body, () => this.#close());
    this.#pieces.resume();
  }

  #startStream(): void {
    this.#stopWaiting();
    const held = this.#held.bytes;
    this.#stream = openCompressedStream(this.#exchange, this.#next, this.#options, () =>
      this.#close(),
    );
    this.#held.release();
    if (this.#stream === null) {
      this.#mode = 'plain';
      if (this.#startNext() && !this.#next.write(held)) this.#source?.pause();
      return;
    }
    this.#mode = 'streaming';
    if (this.#source !== null) this.#stream.take(this.#source);
    if (this.#startNext() && !this.#stream.write(held)) this.#source?.pause();
  }

  #stopWaiting(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
  }

  #lost(reason: unknown): void {
    if (this.#mode === 'over') return;
    const error = new ProxyError('internal_error', `compression: ${reason}`);
    this.#exchange.failure ??= error;
    this.#break(error);
    this.#close();
  }

  #break(error: ProxyError): void {
    if (this.#startNext()) this.#next.fail(error);
  }

  /** The head is settled; false when nobody wants what follows. */
  #startNext(): boolean {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.#next.start(this);
    }
    return this.#mode !== 'over';
  }

  #finish(): void {
    if (!this.#startNext()) return;
    this.#close();
    this.#next.end();
  }

  #close(): void {
    this.#mode = 'over';
    this.#source = null;
    this.#stopWaiting();
    this.#held.release();
    if (this.#exchange.running === this) this.#exchange.running = null;
  }
}
