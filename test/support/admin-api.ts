// The admin API as a program uses it: JSON there and back, with ETags, on a connection per request.

import { request as httpRequest } from 'node:http';

export interface ApiRequest {
  /** Sent as JSON unless it is text already. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly etag: string;
  readonly text: string;
  /** The body as JSON; undefined when there is none. */
  readonly json: unknown;
}

/** Sends one request to the admin address at `port`; `line` is e.g. 'GET /api/upstreams'. */
export function askApi(port: number, line: string, request: ApiRequest = {}): Promise<ApiAnswer> {
  const [method = '', path = ''] = line.split(' ');
  const { body } = request;
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const isWrite = method === 'POST' || method === 'PATCH';
  const headers: Record<string, string | number> = {
    ...(isWrite ? { 'content-type': 'application/json' } : {}),
    ...(isWrite ? { 'content-length': Buffer.byteLength(text) } : {}),
    ...request.headers,
  };
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false, timeout: 60_000 },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const received = Buffer.concat(parts).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            etag: response.headers.etag ?? '',
            text: received,
            json: received === '' ? undefined : JSON.parse(received),
          });
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`no answer to ${line}`)));
    asked.on('error', reject);
    asked.end(text);
  });
}

/** Returns the path of a peer. */
export function peerPath(upstream: string, url: string): string {
  return `/api/upstreams/${upstream}/peers/${encodeURIComponent(url)}`;
}
