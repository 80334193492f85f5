// One connection of a scripted origin: what came in, and exact bytes out.

import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DEADLINE_MS, until, withDeadline } from './deadline.ts';
import {
  type FieldList,
  fieldValues,
  type MessageBody,
  readChunkedBody,
  readHead,
  readSizedBody,
} from './http-message.ts';

/** A request as it came in, read leniently. */
export interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  /** Exact request line. */
  readonly startLine: string;
  readonly fields: FieldList;
  readonly body: Buffer;
  readonly chunkSizes: readonly number[] | null;
  /** Index of the connection it came in on. */
  readonly connection: number;
}

export class OriginConnection {
  readonly index: number;
  readonly socket: Socket;
  readonly requests: ReceivedRequest[] = [];
  /** All bytes received, recorded or not. */
  receivedBytes = 0;
  /** The other side sent FIN. */
  ended = false;
  /** Gone in both directions. */
  closed = false;
  /** Error of the socket, e.g. code ECONNRESET. */
  error: NodeJS.ErrnoException | null = null;
  readonly #recordBytesMax: number;
  #parts: Buffer[] = [];
  #parsedAt = 0;
  #malformed = false;
  #taken = 0;
  /** Nothing more can be read out of fewer bytes than this (a sized body is on its way). */
  #parseFromBytes = 0;
  #wake: (() => void)[] = [];

  constructor(socket: Socket, index: number, recordBytesMax: number) {
    this.index = index;
    this.socket = socket;
    this.#recordBytesMax = recordBytesMax;
    socket.unref();
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => {
      this.ended = true;
      this.#wakeAll();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wakeAll();
    });
  }

  /** Everything recorded so far. */
  get received(): Buffer {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? Buffer.alloc(0);
  }

  /**
   * Waits for the next complete request not taken before; null when the connection ended instead.
   * Without a deadline it waits as long as the connection lives, and does not keep the process alive.
   */
  async nextRequest(deadlineMs?: number): Promise<ReceivedRequest | null> {
    while (this.requests.length <= this.#taken) {
      if (this.ended || this.closed) return null;
      const changed = new Promise<void>((resolve) => this.#wake.push(resolve));
      const what = `request ${this.#taken} on connection ${this.index} of the origin`;
      await (deadlineMs === undefined ? changed : withDeadline(changed, deadlineMs, what));
    }
    this.#taken += 1;
    return this.requests[this.#taken - 1] as ReceivedRequest;
  }

  /** Waits until the head of the next request is here (its body may be on its way). */
  async head(deadlineMs = DEADLINE_MS): Promise<string> {
    const at = this.#parsedAt;
    const find = () => this.received.indexOf('\r\n\r\n', at, 'latin1');
    await until(() => find() >= 0, { what: 'a request head at the origin', deadlineMs });
    return this.received.toString('latin1', at, find() + 4);
  }

  /** Sends each argument in a segment of its own; strings are latin1. Settles when all is handed over. */
  async send(...segments: (string | Uint8Array)[]): Promise<void> {
    for (const segment of segments) {
      if (this.socket.destroyed) return;
      const bytes = typeof segment === 'string' ? Buffer.from(segment, 'latin1') : segment;
      await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
      if (segments.length > 1) await nextTurn();
    }
  }

  /** Sends byte by byte. */
  async sendSlowly(bytes: string | Uint8Array): Promise<void> {
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    await this.send(...Array.from(all, (byte) => Uint8Array.of(byte)));
  }

  /** Stops reading: what the other side sends backs up in the kernel, then at the sender. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Sends FIN. */
  end(): void {
    this.socket.end();
  }

  /** Sends RST. */
  reset(): void {
    if (!this.socket.destroyed) this.socket.resetAndDestroy();
  }

  /** Waits until the other side closed or reset the connection. */
  async untilClosed(deadlineMs = DEADLINE_MS): Promise<void> {
    await until(() => this.ended || this.closed, {
      what: `the other side closes connection ${this.index} of the origin`,
      deadlineMs,
    });
  }

  #onData(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.#recordBytesMax) return;
    this.#parts.push(chunk);
    if (this.#malformed || this.receivedBytes < this.#parseFromBytes) return;
    const before = this.requests.length;
    while (!this.#malformed && this.#parseOne());
    if (this.requests.length > before) this.#wakeAll();
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #parseOne(): boolean {
    const bytes = this.received;
    try {
      const head = readHead(bytes, this.#parsedAt);
      if (head === null) return false;
      const body = readBody(bytes, head.bodyAt, head.fields);
      if (body === null) {
        const declared = Number(fieldValues(head.fields, 'content-length')[0] ?? 0);
        this.#parseFromBytes = head.bodyAt + declared;
        return false;
      }
      const [method = '', target = ''] = head.startLine.split(' ');
      this.requests.push({
        method,
        target,
        startLine: head.startLine,
        fields: head.fields,
        body: body.body,
        chunkSizes: body.chunkSizes,
        connection: this.index,
      });
      this.#parsedAt = body.endAt;
      return true;
    } catch {
      // Lenient: bytes that make no sense stay in `received` for the test to look at.
      this.#malformed = true;
      return false;
    }
  }
}

function readBody(bytes: Buffer, at: number, fields: FieldList): MessageBody | null {
  if (fieldValues(fields, 'transfer-encoding').length > 0) return readChunkedBody(bytes, at);
  return readSizedBody(bytes, at, Number(fieldValues(fields, 'content-length')[0] ?? 0));
}
