// A request body on its way from the client, as seen by whoever sends it on.

import type { Sink, Source } from './sink.ts';

/** What routes may ask of a body of JSON; there only where some route does. */
export interface BodyFacts {
  /** The value that the body is; undefined until it has been read, and when it can't be. */
  readonly json: unknown;
  readonly isRead: boolean;
  /** A condition has asked for it. */
  isWanted: boolean;
}

/**
 * A body that exists on the wire (a request without one has `requestBody === null`).
 *
 * A body can be piped again to a new sink (a retry) as long as it is `replayable`: everything that has
 * arrived so far is still held in memory (at most `limits.replayBytes`).
 */
export interface RequestBody extends Source {
  /** Length in bytes as declared by Content-Length, or -1 when chunked. */
  readonly byteLength: number;
  /** Everything that arrived is still held, so that `pipe` can start again from the first byte. */
  readonly replayable: boolean;
  /** The whole body, once all of it is here and held; null before that. Lets small bodies go in one write. */
  readonly complete: Uint8Array | null;
  /**
   * Most bytes that are let through, 0 for no limit; serve sets it when the route is known. A body that
   * grows beyond it fails its sink with `body_too_large`.
   */
  bytesMax: number;
  /**
   * Calls `sink.start(this)`, delivers all bytes from the first one and goes on as they arrive. A sink
   * that was piped before gets nothing more. Must not be called when not replayable.
   */
  pipe(sink: Sink): void;
  /**
   * As `pipe`, for a sink that only looks at the beginning: nothing is let go of, so that the body can be
   * piped again whatever has come by then. The sink must be full after no more than is to be held.
   */
  peek(sink: Sink): void;
  /** No further attempt will come: stop holding what has been delivered. */
  release(): void;
}
