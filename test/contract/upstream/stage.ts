// The stage for the contract of transports: settings, a factory, and one exchange sent to one peer.

import type { TestContext } from 'node:test';
import type { Exchange, RequestHead } from '../../../src/core/exchange.ts';
import type { Peer } from '../../../src/core/peer.ts';
import type { Upstream } from '../../../src/core/upstream.ts';
import { type Origin, type OriginScript, startOrigin } from '../../support/origin.ts';
import { makePeer, RecordingAttempt } from '../../unit/worker/support/attempts.ts';
import { makeExchange } from '../../unit/worker/support/exchanges.ts';

/** What a test asks of the transport; both transports' options have these fields. */
export interface UpstreamSettings {
  readonly upstream: string;
  readonly connectionsMax: number;
  readonly pendingMax: number;
  readonly pendingTimeoutMs: number;
  readonly keepAlive: {
    readonly idleMs: number;
    readonly requestsMax: number;
    readonly ageMs: number;
  };
  readonly timeouts: {
    readonly connectMs: number;
    readonly headMs: number;
    readonly bodyIdleMs: number;
  };
  readonly responseHeadBytesMax: number;
  readonly tls: {
    readonly verify: boolean;
    readonly ca: string | null;
    readonly serverName: string | null;
  };
}

export const ROOMY: UpstreamSettings = {
  upstream: 'app',
  connectionsMax: 64,
  pendingMax: 64,
  pendingTimeoutMs: 60_000,
  keepAlive: { idleMs: 60_000, requestsMax: 1000, ageMs: 600_000 },
  timeouts: { connectMs: 60_000, headMs: 60_000, bodyIdleMs: 60_000 },
  responseHeadBytesMax: 64 * 1024,
  tls: { verify: true, ca: null, serverName: null },
};

/** A transport under test; `close` cuts all that runs. */
export interface UpstreamUnderTest {
  readonly upstream: Upstream;
  close(): void;
}

export type UpstreamFactory = (settings: UpstreamSettings) => UpstreamUnderTest;

/** One promise: its name is a statement about the transport. */
export type ContractTest = (context: TestContext, factory: UpstreamFactory) => Promise<void>;

export interface Sent {
  readonly exchange: Exchange;
  readonly attempt: RecordingAttempt;
}

export interface Stage {
  readonly origin: Origin;
  readonly peer: Peer;
  /** Sends an exchange to the origin, or to `peer`. */
  send(head?: Partial<RequestHead>, peer?: Peer): Sent;
  /** Sends a GET and waits until it is over. */
  fetch(head?: Partial<RequestHead>, peer?: Peer): Promise<Sent>;
}

/** Starts an origin with `script` and a transport; both end with the test. */
export async function setStage(
  context: TestContext,
  factory: UpstreamFactory,
  script: OriginScript,
  settings: Partial<UpstreamSettings> = {},
): Promise<Stage> {
  const origin = await startOrigin(script, { context });
  const { upstream, close } = factory({ ...ROOMY, ...settings });
  context.after(close);
  const peer = makePeer(origin.port);
  const send = (head: Partial<RequestHead> = {}, to: Peer = peer): Sent => {
    const exchange = makeExchange({ headers: [], ...head });
    const attempt = new RecordingAttempt();
    upstream.send(exchange, to, attempt);
    return { exchange, attempt };
  };
  return {
    origin,
    peer,
    send,
    async fetch(head, to) {
      const sent = send(head, to);
      await sent.attempt.over();
      return sent;
    },
  };
}

/** Encodes latin1 texts as the chunks of a body. */
export function chunked(...chunks: string[]): string {
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
}
