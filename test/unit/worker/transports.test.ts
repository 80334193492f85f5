// Which transports outlive a change of the configuration: those of undici a change of peers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Config } from '../../../src/config/schema.ts';
import type { Peer } from '../../../src/core/peer.ts';
import { TransportRegistry } from '../../../src/worker/transports.ts';
import { makePeers } from './support/exchanges.ts';

/** A registry that knows what was made, kept and drained. */
function scene() {
  const log: string[] = [];
  let made = 0;
  const registry = new TransportRegistry(() => {
    made += 1;
    const name = `pair ${made}`;
    log.push(`${name} made`);
    const unused = { send() {} };
    const keepOnly = (peers: readonly Peer[]) => log.push(`${name} keeps ${peers.length}`);
    return { http: unused, tunnel: unused, keepOnly, drain: () => log.push(`${name} drained`) };
  });
  const apply = (transport: string, count: number) => {
    const peers = makePeers(...new Array<number>(count).fill(1)).map(({ peer }) => peer);
    const whole = configOf(transport, count);
    registry.transportsFor('app', peers, whole.upstreams['app']!, whole);
    registry.settle();
  };
  return { log, apply };
}

function configOf(transport: string, count: number): Config {
  const peers = Array.from({ length: count }, (_, at) => `http://10.0.0.${at + 1}`);
  return parseConfig({ upstreams: { app: { peers, transport } }, routes: [{ to: 'app' }] });
}

describe('the transports of a worker', () => {
  it('outlive a change of peers with undici, which hears of it', () => {
    const { log, apply } = scene();
    apply('undici', 2);
    apply('undici', 3);
    apply('undici', 1);
    assert.deepEqual(log, ['pair 1 made', 'pair 1 keeps 2', 'pair 1 keeps 3', 'pair 1 keeps 1']);
  });

  it('are made anew otherwise, and the old ones drained', () => {
    const { log, apply } = scene();
    apply('http1', 2);
    apply('http1', 3);
    const made = log.filter((line) => !line.includes('keeps'));
    assert.deepEqual(made, ['pair 1 made', 'pair 2 made', 'pair 1 drained']);
  });
});
