// Changes of peers on their way to the children, with the rollouts scripted.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerChange, RequestOutcome } from '../../../src/channel/peer-change.ts';
import { peersTag } from '../../../src/config/live-peer.ts';
import { readPeer } from '../../../src/config/read-peers.ts';
import type { Config } from '../../../src/config/schema.ts';
import { PeerChanges } from '../../../src/primary/peer-changes.ts';
import type { RolloutOutcome } from '../../../src/primary/rollout.ts';
import { Running } from '../../../src/primary/running.ts';
import { createSignal } from '../../support/deadline.ts';
import { recordEvents, testConfig } from './fake-fleet.ts';

const config = testConfig();
const first = 'http://127.0.0.1:9001';
const urlOf = (port: number) => `http://127.0.0.1:${port}`;
const add = (port: number): PeerChange => ({ kind: 'add', peer: readPeer({ url: urlOf(port) }) });

interface Script {
  /** What comes of rolling out a configuration; done by default. */
  readonly outcomeOf?: (config: Config) => RolloutOutcome;
  readonly gate?: Promise<void>;
  readonly started?: Promise<void>;
}

function start({ outcomeOf = () => ({ kind: 'done' }), gate, started }: Script = {}) {
  const events = recordEvents();
  const rolledOut: number[][] = [];
  let active = { version: 1, config };
  const fleet = {
    get active() {
      return active;
    },
    async rollOut(next: Config): Promise<RolloutOutcome> {
      rolledOut.push(portsOf(next));
      await gate;
      const outcome = outcomeOf(next);
      if (outcome.kind === 'done') active = { version: active.version + 1, config: next };
      return outcome;
    },
  };
  const running = new Running(fleet, { config, overlay: new Map() });
  const changes = new PeerChanges({ running, started: started ?? Promise.resolve(), events });
  const request = (change: PeerChange, ifMatch: string | null = null, upstream = 'app') => {
    return changes.request({ upstream, change, ifMatch });
  };
  return { request, rolledOut, running, events: events.list, live: () => portsOf(active.config) };
}

function portsOf({ upstreams }: Config): number[] {
  return upstreams['app']!.peers.map(({ url }) => Number(url.slice(-4)));
}

function short(outcome: RequestOutcome): string {
  if (outcome.kind === 'done') return `done ${outcome.version}${outcome.isChanged ? '' : ' same'}`;
  return outcome.kind === 'refused' ? outcome.reason : `failed ${outcome.who}`;
}

describe('a change of peers', () => {
  it('is rolled out, told as an event, and answered with the version', async () => {
    const { request, rolledOut, events } = start();
    assert.equal(short(await request(add(9002))), 'done 2');
    assert.deepEqual(rolledOut, [[9001, 9002]]);
    const [{ message, fields }] = events as [(typeof events)[number]];
    assert.equal(message, 'peers changed');
    assert.deepEqual(fields, {
      ...{ upstream: 'app', version: 2, peers: 2 },
      ...{ added: [urlOf(9002)], removed: [], altered: [] },
    });
  });

  it('needs no rollout when it changes nothing', async () => {
    const { request, rolledOut } = start();
    const same: PeerChange = { kind: 'alter', url: first, change: { weight: 1 } };
    assert.equal(short(await request(same)), 'done 1 same');
    assert.deepEqual(rolledOut, []);
  });

  it('waits for the first configuration', async () => {
    const gate = createSignal();
    const { request, rolledOut } = start({ started: gate.promise });
    const outcome = request(add(9002));
    await new Promise(setImmediate);
    assert.deepEqual(rolledOut, []);
    gate.resolve();
    assert.equal(short(await outcome), 'done 2');
  });

  it('shares the next rollout with all that come during one', async () => {
    const gate = createSignal();
    const { request, rolledOut } = start({ gate: gate.promise });
    const one = request(add(9002));
    await new Promise(setImmediate);
    const others = [request(add(9003)), request(add(9004)), request(add(9003))];
    gate.resolve();
    assert.equal(short(await one), 'done 2');
    assert.deepEqual((await Promise.all(others)).map(short), ['done 3', 'done 3', 'peer-exists']);
    assert.deepEqual(rolledOut, [
      [9001, 9002],
      [9001, 9002, 9003, 9004],
    ]);
  });

  it('fails alone when the children can not live with it, and the others get theirs', async () => {
    const { request, live } = start({
      outcomeOf: (next) =>
        portsOf(next).includes(9666)
          ? { kind: 'refused', who: 'worker 1', problems: ['bad'] }
          : { kind: 'done' },
    });
    const outcomes = await Promise.all([
      request(add(9002)),
      request(add(9666)),
      request(add(9003)),
    ]);
    assert.deepEqual(outcomes.map(short), ['done 2', 'failed worker 1', 'done 3']);
    assert.deepEqual(live(), [9001, 9002, 9003]);
  });

  it('is tried once more when a child was lost by chance', async () => {
    let attempts = 0;
    const { request, running } = start({
      outcomeOf: () => {
        attempts += 1;
        return attempts === 1
          ? { kind: 'lost', who: 'worker 0', problems: ['killed'] }
          : { kind: 'done' };
      },
    });
    assert.equal(short(await request(add(9002))), 'done 2');
    assert.equal(running.layers.overlay.size, 1);
  });

  it('leaves everything as it was when it fails', async () => {
    const lost: RolloutOutcome = { kind: 'lost', who: 'worker 0', problems: ['killed'] };
    const { request, running, live, events } = start({ outcomeOf: () => lost });
    assert.deepEqual(await request(add(9002)), {
      ...{ kind: 'failed', who: 'worker 0', isRefused: false, problems: ['killed'] },
    });
    assert.deepEqual([live(), running.layers.overlay.size], [[9001], 0]);
    assert.equal(events[0]?.message, 'change of peers failed, the old ones stay');
  });

  it('is made only in the state that its tag names, also among changes of one rollout', async () => {
    const { request, running } = start();
    const tag = peersTag(running.effective.upstreams['app']!.peers);
    const outcomes = await Promise.all([
      request(add(9002), tag),
      request(add(9003), tag),
      request(add(9004), '*'),
      request(add(9004), tag, 'nowhere'),
    ]);
    assert.deepEqual(outcomes.map(short), ['done 2', 'tag', 'done 2', 'unknown-upstream']);
    const present = peersTag(running.effective.upstreams['app']!.peers);
    assert.equal(short(await request(add(9003), `"x", ${present}`)), 'done 3');
  });

  it('waits for its turn after a reload, and sees what that brought', async () => {
    const { request, running, live } = start();
    const gate = createSignal();
    const reload = running.turns.take(async () => {
      await gate.promise;
      const next = testConfig({ upstreams: { app: { peers: [urlOf(9008)] } } });
      return running.rollOut({ config: next, overlay: running.layers.overlay });
    });
    const outcome = request(add(9002));
    gate.resolve();
    await reload;
    assert.equal(short(await outcome), 'done 3');
    assert.deepEqual(live(), [9008, 9002]);
  });
});
