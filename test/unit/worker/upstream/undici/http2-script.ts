// A peer that speaks HTTP/2 without TLS and answers each request with whatever frames a test says.

import { type AddressInfo, createServer } from 'node:net';
import type { Cleanup } from '../../../../support/deadline.ts';
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  HEADERS,
  literal,
  PREFACE,
  RawHttp2,
  RST_STREAM,
  SETTINGS,
  uint32,
} from '../../../../support/raw-http2.ts';

export interface ScriptedPeer {
  readonly port: number;
  readonly connections: readonly RawHttp2[];
}

/** Starts it; `answer` is called with each request head. */
export async function startScript(
  t: Cleanup,
  answer: (connection: RawHttp2, stream: number) => void,
  settings: Buffer = Buffer.alloc(0),
): Promise<ScriptedPeer> {
  const connections: RawHttp2[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    t.after(() => socket.destroy());
    socket.write(frame(SETTINGS, 0, 0, settings));
    // It comes in one piece with the first frames.
    socket.once('readable', () => {
      socket.read(PREFACE.length);
      const connection = new RawHttp2(socket);
      connections.push(connection);
      connection.onFrame = ({ type, stream }) => {
        if (type === HEADERS) answer(connection, stream);
      };
    });
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, connections };
}

/** Returns HEADERS with a status. */
export function responseHead(stream: number, status = 200, byteLength = -1): Buffer {
  const fields = [literal(':status', String(status))];
  if (byteLength >= 0) fields.push(literal('content-length', String(byteLength)));
  return frame(HEADERS, END_HEADERS, stream, Buffer.concat(fields));
}

/** Returns DATA that is the last of its stream. */
export function lastData(stream: number, bytes: Buffer | string): Buffer {
  return frame(DATA, END_STREAM, stream, bytes);
}

/** Returns trailers, which are the last of their stream. */
export function trailers(stream: number): Buffer {
  return frame(HEADERS, END_HEADERS | END_STREAM, stream, literal('x-sum', '1'));
}

export function reset(stream: number, code: number): Buffer {
  return frame(RST_STREAM, 0, stream, uint32(code));
}

export function goAway(lastStream: number, code: number): Buffer {
  return frame(GOAWAY, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]));
}
