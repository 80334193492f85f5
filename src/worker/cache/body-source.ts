// A stored body on its way to a client, out of memory or a file: given in pieces that a slow reader can make
// us wait for, so that what waits for a socket is bounded.

import type { CachedVariant } from '../../core/cache.ts';
import type { Exchange } from '../../core/exchange.ts';
import { limits } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { ByteRange } from './byte-ranges.ts';
import { FileSource } from './file-source.ts';

/** Bytes as they are, or those of a stored body. */
export type BodyPart = Uint8Array | ByteRange;

/** What stands behind a body that is given in one piece. */
const NOTHING_BEHIND: Source = { pause() {}, resume() {}, cancel() {} };

/** Sends `body` to `sink` as the response of `exchange`, and ends. */
export function sendBody(exchange: Exchange, sink: Sink, body: Uint8Array): void {
  if (body.byteLength <= limits.streamHighWaterBytes) {
    sink.start(NOTHING_BEHIND);
    if (body.byteLength > 0) sink.write(body);
    sink.end();
    return;
  }
  sendPieces(exchange, sink, [body]);
}

/** Sends parts of a stored answer to `sink`, and ends. */
export function sendParts(
  exchange: Exchange,
  sink: Sink,
  { body, file }: CachedVariant,
  parts: readonly BodyPart[],
): void {
  if (file !== null) {
    new FileSource(exchange, sink, file, parts).begin();
    return;
  }
  const pieces = parts.map((part) =>
    part instanceof Uint8Array ? part : body.subarray(part.first, part.last + 1),
  );
  sendPieces(exchange, sink, pieces);
}

function sendPieces(exchange: Exchange, sink: Sink, pieces: readonly Uint8Array[]): void {
  const source = new BodySource(sink, pieces);
  exchange.running = source;
  sink.start(source);
  source.resume();
}

class BodySource implements Source {
  readonly #sink: Sink;
  #pieces: readonly Uint8Array[];
  #piece = 0;
  #offset = 0;
  #isPaused = true;
  #isGiving = false;
  #isOver = false;

  constructor(sink: Sink, pieces: readonly Uint8Array[]) {
    this.#sink = sink;
    this.#pieces = pieces;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    // From inside `write`: the loop that is running sees it.
    if (this.#isGiving || this.#isOver) return;
    this.#isGiving = true;
    while (!this.#isPaused && this.#piece < this.#pieces.length) this.#giveNext();
    this.#isGiving = false;
    if (this.#isOver || this.#isPaused || this.#piece < this.#pieces.length) return;
    this.#isOver = true;
    this.#sink.end();
  }

  cancel(): void {
    this.#isPaused = true;
    this.#isOver = true;
    this.#pieces = [];
  }

  #giveNext(): void {
    const piece = this.#pieces[this.#piece]!;
    const end = this.#offset + limits.streamHighWaterBytes;
    const chunk = piece.subarray(this.#offset, end);
    this.#offset = end;
    if (end >= piece.byteLength) {
      this.#piece += 1;
      this.#offset = 0;
    }
    if (chunk.byteLength > 0 && !this.#sink.write(chunk)) this.#isPaused = true;
  }
}
