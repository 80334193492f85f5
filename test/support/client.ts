// A raw HTTP/1.1 client: sends exact bytes, reads responses exactly, and fails on anything malformed.

import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Cleanup, DEADLINE_MS, withDeadline } from './deadline.ts';
import {
  type FieldList,
  fieldValue,
  fieldValues,
  MalformedMessage,
  type MessageBody,
  type MessageHead,
  readChunkedBody,
  readHead,
  readSizedBody,
} from './http-message.ts';

export interface ClientResponse {
  readonly status: number;
  readonly reason: string;
  /** As on the wire, in order. */
  readonly fields: FieldList;
  readonly body: Buffer;
  readonly trailers: FieldList;
  readonly chunkSizes: readonly number[] | null;
  /** Interim responses that came before, oldest first. */
  readonly interim: readonly number[];
  /** The only value of a field (name in any case), undefined when absent; throws when it is there twice. */
  header(name: string): string | undefined;
  /** Every value of a field. */
  headers(name: string): string[];
  /** Body as UTF-8. */
  text(): string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  /** Complete header lines without CRLF, after Host. */
  readonly fields?: readonly string[];
  /** Sent with Content-Length. */
  readonly body?: string | Uint8Array;
  readonly deadlineMs?: number;
}

export interface ClientOptions {
  readonly context?: Cleanup;
  readonly host?: string;
}

export class RawClient {
  readonly socket: Socket;
  /** The other side sent FIN. */
  ended = false;
  closed = false;
  error: NodeJS.ErrnoException | null = null;
  /** Grows by doubling: what reads along must not copy everything for each chunk. */
  #buffer = Buffer.alloc(0);
  #byteCount = 0;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.unref();
    socket.on('data', (chunk: Buffer) => {
      this.#append(chunk);
      this.#wakeAll();
    });
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

  /** Everything received so far and not yet consumed by `response`. */
  get received(): Buffer {
    return this.#buffer.subarray(0, this.#byteCount);
  }

  /** Sends bytes (strings latin1) in one segment. */
  send(bytes: string | Uint8Array): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (this.socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.socket.write(data, () => resolve()));
  }

  /** Sends byte by byte, each in a segment of its own; stops quietly when the other side closes. */
  async sendSlowly(bytes: string | Uint8Array): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    for (const byte of data) {
      if (this.closed) return;
      await this.send(Uint8Array.of(byte));
      await nextTurn();
    }
  }

  /** Waits until `condition` holds for the bytes received. */
  async readUntil(
    condition: (received: Buffer) => boolean,
    what: string,
    deadlineMs = DEADLINE_MS,
  ): Promise<Buffer> {
    const endsAtMs = performance.now() + deadlineMs;
    while (!condition(this.received)) {
      const changed = new Promise<void>((resolve) => this.#wake.push(resolve));
      const leftMs = Math.max(1, endsAtMs - performance.now());
      await withDeadline(changed, leftMs, what).catch((error: Error) => {
        const text = JSON.stringify(this.received.toString('latin1').slice(0, 2000));
        throw new Error(`${error.message} (of ${deadlineMs})\nreceived ${text}`);
      });
    }
    return this.received;
  }

  /** Waits for the head of the next final response, without consuming it. */
  async head(deadlineMs = DEADLINE_MS): Promise<MessageHead> {
    await this.readUntil((bytes) => finalHead(bytes) !== null, 'a response head', deadlineMs);
    return finalHead(this.received)?.head as MessageHead;
  }

  /**
   * Waits for the next complete response and consumes it. `method` is the request's (HEAD has no body).
   * Throws MalformedMessage on bytes that are no response, and when the connection ends too early.
   */
  async response(
    options: { readonly method?: string; readonly deadlineMs?: number } = {},
  ): Promise<ClientResponse> {
    const method = options.method ?? 'GET';
    let result: { response: ClientResponse; endAt: number } | null = null;
    const read = () => {
      const over = this.ended || this.closed;
      result = readResponse(this.received, method, over);
      if (result === null && over) throw this.#cutOff();
      return result !== null;
    };
    await this.readUntil(read, 'a complete response', options.deadlineMs);
    const { response, endAt } = result as unknown as { response: ClientResponse; endAt: number };
    const rest = this.received.subarray(endAt);
    // Not in place: the response keeps its bytes.
    this.#buffer = Buffer.from(rest);
    this.#byteCount = rest.length;
    return response;
  }

  /** Sends one request and waits for its response; the connection can be used again. */
  async request(options: RequestOptions = {}): Promise<ClientResponse> {
    const method = options.method ?? 'GET';
    await this.send(requestBytes(options));
    const wait = options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs };
    return this.response({ method, ...wait });
  }

  /** Stops reading: a slow reader. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Sends FIN and goes on reading. */
  end(): void {
    this.socket.end();
  }

  /** Sends RST. */
  reset(): void {
    if (!this.socket.destroyed) this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  /** Waits until the other side closed or reset the connection. */
  async untilClosed(deadlineMs = DEADLINE_MS): Promise<void> {
    await this.readUntil(() => this.ended || this.closed, 'the connection closes', deadlineMs);
  }

  #append(chunk: Buffer): void {
    const needed = this.#byteCount + chunk.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#byteCount);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#byteCount);
    this.#byteCount = needed;
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #cutOff(): MalformedMessage {
    const text = JSON.stringify(this.received.toString('latin1').slice(0, 500));
    const how = this.error === null ? 'ended' : `broke (${this.error.code})`;
    return new MalformedMessage(`the connection ${how} before a complete response: ${text}`);
  }
}

/** Connects to 127.0.0.1:`port`. */
export async function connectClient(port: number, options: ClientOptions = {}): Promise<RawClient> {
  const socket = connect({ port, host: options.host ?? '127.0.0.1', allowHalfOpen: true });
  const client = new RawClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  options.context?.after(() => client.close());
  return client;
}

/** One request on a connection of its own. */
export async function request(port: number, options: RequestOptions = {}): Promise<ClientResponse> {
  const client = await connectClient(port);
  try {
    return await client.request(options);
  } finally {
    client.close();
  }
}

/** Builds the bytes of a request. */
export function requestBytes(options: RequestOptions): Buffer {
  const body = Buffer.from(options.body ?? '');
  const lines = [
    `${options.method ?? 'GET'} ${options.target ?? '/'} HTTP/1.1`,
    `Host: ${options.host ?? 'localhost'}`,
    ...(options.fields ?? []),
  ];
  if (options.body !== undefined) lines.push(`Content-Length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** Reads one response with its interim ones; null when it is not complete yet. */
export function readResponse(
  bytes: Buffer,
  method: string,
  isOver: boolean,
): { response: ClientResponse; endAt: number } | null {
  const found = finalHead(bytes);
  if (found === null) return null;
  const { head, status, reason, interim } = found;
  const body = readBody(bytes, { head, status, method, isOver });
  if (body === null) return null;
  const response: ClientResponse = {
    status,
    reason,
    fields: head.fields,
    body: body.body,
    trailers: body.trailers,
    chunkSizes: body.chunkSizes,
    interim,
    header: (name) => fieldValue(head.fields, name),
    headers: (name) => fieldValues(head.fields, name),
    text: () => body.body.toString('utf8'),
  };
  return { response, endAt: body.endAt };
}

interface FinalHead {
  readonly head: MessageHead;
  readonly status: number;
  readonly reason: string;
  readonly interim: readonly number[];
}

function finalHead(bytes: Buffer): FinalHead | null {
  const interim: number[] = [];
  for (let at = 0; ; ) {
    const head = readHead(bytes, at);
    if (head === null) return null;
    const match = /^HTTP\/1\.1 ([1-5][0-9][0-9]) ([\t -~\x80-\xff]*)$/.exec(head.startLine);
    if (match === null) {
      throw new MalformedMessage(`bad status line ${JSON.stringify(head.startLine)}`);
    }
    const status = Number(match[1]);
    if (status >= 200 || status === 101) return { head, status, reason: match[2] ?? '', interim };
    interim.push(status);
    at = head.bodyAt;
  }
}

interface BodyQuestion {
  readonly head: MessageHead;
  readonly status: number;
  readonly method: string;
  readonly isOver: boolean;
}

// RFC 9112 section 6.3, from the client's side.
function readBody(bytes: Buffer, question: BodyQuestion): MessageBody | null {
  const { head, status, method, isOver } = question;
  if (method === 'HEAD' || status === 101 || status === 204 || status === 304) {
    return readSizedBody(bytes, head.bodyAt, 0);
  }
  const encoding = fieldValue(head.fields, 'transfer-encoding');
  const length = fieldValue(head.fields, 'content-length');
  if (encoding !== undefined && length !== undefined) {
    throw new MalformedMessage('Content-Length and Transfer-Encoding in one response');
  }
  if (encoding !== undefined) {
    if (encoding !== 'chunked') throw new MalformedMessage(`Transfer-Encoding: ${encoding}`);
    return readChunkedBody(bytes, head.bodyAt);
  }
  if (length !== undefined) {
    if (!/^[0-9]+$/.test(length)) throw new MalformedMessage(`Content-Length: ${length}`);
    return readSizedBody(bytes, head.bodyAt, Number(length));
  }
  return isOver ? readSizedBody(bytes, head.bodyAt, bytes.length - head.bodyAt) : null;
}
