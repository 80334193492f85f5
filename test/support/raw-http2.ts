// An end of HTTP/2, mostly the client's, that sends whatever frames it is told to, and notes what comes back.

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Cleanup } from './deadline.ts';
import { until } from './deadline.ts';

/** Frame types (RFC 9113 section 6). */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** Flags. */
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** GET / of http://a, by the static table: no Huffman, nothing to remember. */
export const REQUEST = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61]);
/** The same as POST. */
export const POST = Buffer.from([0x83, 0x86, 0x84, 0x41, 0x01, 0x61]);

/** Returns one frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer | string = '',
): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** Returns HEADERS that are complete and end the stream. */
export function request(stream: number, block: Buffer = REQUEST): Buffer {
  return frame(HEADERS, END_HEADERS | END_STREAM, stream, block);
}

/** Returns a field that is not to be remembered, of at most 126 octets each. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export class RawHttp2 {
  readonly socket: Socket;
  /** In order; DATA without its bytes. */
  readonly frames: ReceivedFrame[] = [];
  isClosed = false;
  sentBytes = 0;
  onFrame: ((frame: ReceivedFrame) => void) | null = null;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Code of the GOAWAY that ended the connection; null when there was none. */
  get goawayCode(): number | null {
    const last = this.frames.findLast(({ type }) => type === GOAWAY);
    return last === undefined ? null : last.payload.readUInt32BE(4);
  }

  /** Codes of RST_STREAM by stream. */
  get resets(): Map<number, number> {
    const found = this.frames.filter(({ type }) => type === RST_STREAM);
    return new Map(found.map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]));
  }

  /** Sends as fast as the other side reads; false when it has hung up. */
  send(...parts: readonly Buffer[]): Promise<boolean> {
    const bytes = Buffer.concat(parts);
    return new Promise((resolve) => {
      if (this.isClosed || !this.socket.writable) {
        resolve(false);
        return;
      }
      // A write that is under way when the connection ends is never answered.
      const gone = (): void => resolve(false);
      this.socket.once('close', gone);
      this.socket.write(bytes, (error) => {
        this.socket.off('close', gone);
        if (error === null || error === undefined) this.sentBytes += bytes.length;
        resolve(error === null || error === undefined);
      });
    });
  }

  /** Sends `bytes(round)` until the other side hangs up, at most `rounds` times; returns the rounds sent. */
  async flood(rounds: number, bytes: (round: number) => Buffer): Promise<number> {
    for (let round = 0; round < rounds; round += 1) {
      if (!(await this.send(bytes(round)))) return round;
    }
    return rounds;
  }

  /** Resolves when the other side has ended the connection. */
  async closed(): Promise<void> {
    await until(() => this.isClosed, { what: 'the connection ends' });
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const type = this.#rest[3]!;
      const payload = type === DATA ? Buffer.alloc(0) : this.#rest.subarray(9, 9 + length);
      const stream = this.#rest.readUInt32BE(5) & 0x7fff_ffff;
      const received = { type, flags: this.#rest[4]!, stream, payload };
      this.frames.push(received);
      this.#rest = this.#rest.subarray(9 + length);
      this.onFrame?.(received);
    }
  }
}

/** Connects without TLS and sends nothing. */
export function connectRaw(port: number, context: Cleanup): RawHttp2 {
  const client = new RawHttp2(connect(port, '127.0.0.1'));
  context.after(() => client.socket.destroy());
  return client;
}

/** Connects with TLS, whatever the certificate, and sends preface and SETTINGS. */
export async function openRawTls(port: number, context: Cleanup): Promise<RawHttp2> {
  const options = { port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false };
  const client = new RawHttp2(connectTls(options));
  context.after(() => client.socket.destroy());
  await client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0));
  return client;
}

/** Connects without TLS, and sends preface and SETTINGS. */
export async function openRaw(
  port: number,
  context: Cleanup,
  settings: Buffer = Buffer.alloc(0),
): Promise<RawHttp2> {
  const client = connectRaw(port, context);
  await client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0, settings));
  return client;
}
