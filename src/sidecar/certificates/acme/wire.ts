// Requests to an authority, bounded in time and size. Nothing of ACME is known here.

import { readFileSync } from 'node:fs';
import type { Agent } from 'undici';
import { lazyPackage } from '../../../std/lazy.ts';
import { AcmeProblem, problemOf } from './problem.ts';

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
const HEADER_BYTES_MAX = 64 * 1024;
const BODY_BYTES_MAX = 1024 * 1024;
const CONNECTIONS = 4;
/** Most sidecars never need it. */
const loadUndici = lazyPackage<typeof import('undici')>('undici');
/** RFC 8555 section 6.1 wants one. */
const USER_AGENT = 'Sluice ACME client';

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
  /** Returns a header field, or null. */
  header(name: string): string | null;
}

/** Somebody to send requests to. */
export interface Wire {
  /** Rejects with an AcmeProblem `unreachable` when there is no answer. */
  send(method: 'GET' | 'HEAD' | 'POST', url: string, body?: string): Promise<WireAnswer>;
  close(): Promise<void>;
}

/** Creates a wire that trusts the authorities in `caFile`, null for those of the system. */
export function createWire({ caFile }: { readonly caFile: string | null }): Wire {
  let agent: Agent | null = null;
  return {
    async send(method, url, body) {
      try {
        agent ??= createAgent(caFile);
        const answer = await loadUndici().request(url, {
          method,
          dispatcher: agent,
          signal: AbortSignal.timeout(ANSWER_MS),
          headers: {
            'user-agent': USER_AGENT,
            'accept-language': 'en',
            ...(body === undefined ? {} : { 'content-type': 'application/jose+json' }),
          },
          ...(body === undefined ? {} : { body }),
        });
        const text = await answer.body.text();
        return { status: answer.statusCode, body: text, header: headerOf(answer.headers) };
      } catch (error) {
        const detail = `${new URL(url).host}: ${problemOf(error).detail}`;
        throw new AcmeProblem({ type: 'unreachable', detail });
      }
    },
    async close() {
      await agent?.destroy();
    },
  };
}

/** Throws an Error when the file can't be read. */
function createAgent(caFile: string | null): Agent {
  const ca = caFile === null ? {} : { ca: readFileSync(caFile, 'latin1') };
  return new (loadUndici().Agent)({
    connect: { ...ca, timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    maxResponseSize: BODY_BYTES_MAX,
    connections: CONNECTIONS,
  });
}

function headerOf(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return (name: string): string | null => {
    const value = headers[name];
    return (Array.isArray(value) ? value.join(', ') : value) ?? null;
  };
}
