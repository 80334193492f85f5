// A stored answer as a blob: its response as JSON in the head, its body as it is. What is read back is
// judged like anything from outside: the file may be older than this program.

import type { StoredResponse } from '../../../core/cache.ts';

/** Largest head in bytes: a response head and a few keys. */
export const answerHeadBytesMax = 512 * 1024;

/** Bumped whenever the meaning of `StoredResponse` changes: older files are misses then. */
const version = 1;

const shape: Readonly<Record<keyof StoredResponse, 'string' | 'number' | 'strings'>> = {
  key: 'string',
  url: 'string',
  route: 'string',
  status: 'number',
  headers: 'strings',
  bodyBytes: 'number',
  vary: 'strings',
  varyKey: 'string',
  tags: 'strings',
  generation: 'number',
  bornMs: 'number',
  storedAtMs: 'number',
  fetchMs: 'number',
  refreshFromMs: 'number',
  freshUntilMs: 'number',
  staleWhileRevalidateUntilMs: 'number',
  staleIfErrorUntilMs: 'number',
  keepUntilMs: 'number',
  etag: 'string',
  lastModified: 'string',
};

/** Returns the head; its byte strings become UTF-8, which is undone when it is read. */
export function writeHead(response: StoredResponse): Buffer {
  return Buffer.from(JSON.stringify([version, response]));
}

/** Returns the response of a head, or null when it is of no use. */
export function readHead(head: Buffer): StoredResponse | null {
  let value: unknown;
  try {
    value = JSON.parse(head.toString());
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value[0] !== version) return null;
  const response = value[1] as Record<string, unknown> | null;
  if (typeof response !== 'object' || response === null) return null;
  for (const [name, type] of Object.entries(shape)) {
    if (!is(response[name], type)) return null;
  }
  return response as unknown as StoredResponse;
}

function is(value: unknown, type: 'string' | 'number' | 'strings'): boolean {
  if (type !== 'strings') return typeof value === type;
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
