// A request body on its way to a peer, piece by piece, when it is too large or too slow to go out in one
// write with the head. The only further object of an attempt, made for such bodies alone.

import type { Socket } from 'node:net';
import { ProxyError } from '../../../core/errors.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import { CHUNK_OVERHEAD_BYTES, lastChunk, writeChunk } from './request-body.ts';

const NO_BUFFER = Buffer.alloc(0);
const BUFFER_BYTES_MIN = 16 * 1024;

/** The connection that carries the body. */
export interface UploadHost {
  /** The last byte was handed to the socket. */
  uploaded(): void;
  /** The socket takes no more for now (true), or again (false). */
  stalled(isStalled: boolean): void;
  /** The body broke off; the request can't be completed. */
  uploadFailed(error: ProxyError): void;
}

export class Upload implements Sink {
  readonly #host: UploadHost;
  readonly #socket: Socket;
  readonly #isChunked: boolean;
  #source: Source | null = null;
  /** Bytes of a sized body still to come. */
  #bytesLeft: number;
  #isStalled = false;
  /**
   * What the last piece was copied into; used again once the kernel has all of it. A new buffer for each
   * piece let a 2 GiB upload raise the worker's memory by 950 MiB before the collector ran; so it is 10.
   */
  #buffer: Buffer = NO_BUFFER;
  /** Sent or given up; chunks are refused: the body may go to another attempt. */
  #isOver = false;

  /** `byteLength` as declared, -1 for chunked. */
  constructor(host: UploadHost, socket: Socket, byteLength: number) {
    this.#host = host;
    this.#socket = socket;
    this.#isChunked = byteLength < 0;
    this.#bytesLeft = byteLength;
  }

  start(source: Source): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    // An empty chunk would end the body.
    if (chunk.length === 0) return !this.#isStalled;
    this.#bytesLeft -= chunk.length;
    if (!this.#isChunked && this.#bytesLeft < 0) {
      this.fail(new ProxyError('bad_framing', 'more bytes than Content-Length'));
      return false;
    }
    if (this.#socket.write(this.#copy(chunk))) return true;
    this.#isStalled = true;
    this.#host.stalled(true);
    return false;
  }

  /** The socket may keep what it is given, and the chunk is only lent. */
  #copy(chunk: Uint8Array): Buffer {
    const size = chunk.length + (this.#isChunked ? CHUNK_OVERHEAD_BYTES : 0);
    if (this.#socket.writableLength > 0 || this.#buffer.length < size) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(size, BUFFER_BYTES_MIN));
    }
    if (this.#isChunked) return this.#buffer.subarray(0, writeChunk(chunk, this.#buffer));
    this.#buffer.set(chunk);
    return this.#buffer.subarray(0, chunk.length);
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#isChunked) {
      this.#socket.write(lastChunk(this.#source?.trailers), 'latin1');
    } else if (this.#bytesLeft !== 0) {
      this.fail(new ProxyError('bad_framing', 'fewer bytes than Content-Length'));
      return;
    }
    this.#isOver = true;
    this.#host.uploaded();
  }

  fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.uploadFailed(error);
  }

  /** The socket has room again. */
  drained(): void {
    if (this.#isOver || !this.#isStalled) return;
    this.#isStalled = false;
    this.#host.stalled(false);
    this.#source?.resume();
  }

  /** Takes no more; the body may be piped to somebody else. */
  stop(): void {
    this.#isOver = true;
  }

  /** Nobody will want the rest. */
  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source?.cancel(error);
  }
}
