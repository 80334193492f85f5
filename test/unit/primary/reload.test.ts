// From "reload" to an event that says what came of it, with everything around it scripted.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '../../../src/config/problem.ts';
import type { Config } from '../../../src/config/schema.ts';
import { Reloader } from '../../../src/primary/reload.ts';
import type { RolloutOutcome } from '../../../src/primary/rollout.ts';
import { Running } from '../../../src/primary/running.ts';
import { createSignal, until } from '../../support/deadline.ts';
import { recordEvents, testConfig } from './fake-fleet.ts';

const first = testConfig();
const second = testConfig({ upstreams: { app: { peers: ['http://127.0.0.1:9002'] } } });

interface Script {
  readonly load: () => Promise<Config>;
  readonly outcomes?: RolloutOutcome[];
  readonly conflict?: string;
  readonly readPeers?: () => Promise<never>;
}

function createReloader(script: Script) {
  const events = recordEvents();
  const calls: string[] = [];
  const outcomes = [...(script.outcomes ?? [])];
  let active = { version: 1, config: first };
  const fleet = {
    get active() {
      return active;
    },
    async rollOut(config: Config) {
      calls.push('rollOut');
      const outcome = outcomes.shift() ?? { kind: 'done' };
      if (outcome.kind === 'done') active = { version: active.version + 1, config };
      return outcome;
    },
  };
  const reloader = new Reloader({
    load: script.load,
    started: Promise.resolve(),
    loaded: first,
    running: new Running(fleet, { config: first, overlay: new Map() }),
    readPeers: script.readPeers ?? (async () => new Map()),
    locks: {
      async take() {
        calls.push('take');
        return script.conflict ?? null;
      },
      keepOnly: (claims) => calls.push(`keepOnly ${claims.map((claim) => claim.port).join()}`),
    },
    events,
    onLive: () => calls.push('onLive'),
  });
  return { reloader, events: events.list, calls };
}

describe('a reload', () => {
  it('takes new ports, rolls out, gives old ports back and says what changed', async () => {
    const next = testConfig({ listeners: [{ port: 8081 }], admin: { port: 9901 } });
    const { reloader, events, calls } = createReloader({ load: async () => next });
    await reloader.request('SIGHUP');
    assert.deepEqual(calls, ['take', 'rollOut', 'keepOnly 8081,9901', 'onLive']);
    assert.deepEqual(events, [
      {
        level: 'info',
        message: 'new configuration is live',
        fields: {
          cause: 'SIGHUP',
          version: 2,
          listeners: { added: ['http-8081'], removed: ['http-8080'] },
          settings: ['admin.port'],
        },
      },
    ]);
  });

  it('says so when nothing changed, also compared with an earlier reload', async () => {
    const { reloader, events, calls } = createReloader({ load: async () => second });
    await reloader.request('SIGHUP');
    calls.length = 0;
    await reloader.request('SIGHUP');
    assert.deepEqual(calls, []);
    assert.equal(events.at(-1)?.message, 'configuration is unchanged');
  });

  it('lists all problems of an invalid configuration in one event', async () => {
    const problems = [
      { place: null, path: 'routes[0].to', message: 'no such upstream' },
      { place: null, path: 'cores', message: 'expected a number' },
    ];
    const load = async () => {
      throw new ConfigError(problems);
    };
    const { reloader, events, calls } = createReloader({ load });
    await reloader.request('SIGHUP');
    assert.deepEqual(calls, []);
    assert.equal(events.length, 1);
    assert.equal(events[0]?.level, 'error');
    const listed = events[0]?.fields['problems'] as string[];
    assert.equal(listed.length, 2);
    assert.match(listed[0] ?? '', /routes\[0\]\.to.*no such upstream/s);
  });

  it('is refused when a new port is taken', async () => {
    const { reloader, events, calls } = createReloader({
      load: async () => second,
      conflict: 'port 8081 is in use by another program',
    });
    await reloader.request('SIGHUP');
    assert.deepEqual(calls, ['take']);
    assert.deepEqual(events[0]?.fields['problems'], ['port 8081 is in use by another program']);
  });

  it('says which child refused and why, and keeps the old ports', async () => {
    const { reloader, events, calls } = createReloader({
      load: async () => testConfig({ listeners: [{ port: 8081 }] }),
      outcomes: [{ kind: 'refused', who: 'worker 1', problems: ['bad'] }],
    });
    await reloader.request('SIGHUP');
    assert.deepEqual(calls, ['take', 'rollOut', 'keepOnly 8080,9900']);
    assert.deepEqual(events[0]?.fields, { cause: 'SIGHUP', who: 'worker 1', problems: ['bad'] });
  });

  it('gives new ports back when it fails on the way', async () => {
    const next = testConfig({ listeners: [{ port: 8081 }] });
    const readPeers = () => Promise.reject(new Error('on purpose'));
    const { reloader, events, calls } = createReloader({ load: async () => next, readPeers });
    assert.equal((await reloader.request('SIGHUP')).kind, 'refused');
    assert.deepEqual(calls, ['take', 'keepOnly 8080,9900']);
    assert.deepEqual(events[0]?.fields['problems'], ['on purpose']);
  });

  it('tries once more when a child was lost by chance, and only once', async () => {
    const lost: RolloutOutcome = { kind: 'lost', who: 'worker 0', problems: ['killed'] };
    const lucky = createReloader({ load: async () => second, outcomes: [lost] });
    await lucky.reloader.request('SIGHUP');
    assert.equal(lucky.events.at(-1)?.message, 'new configuration is live');
    const unlucky = createReloader({ load: async () => second, outcomes: [lost, lost] });
    await unlucky.reloader.request('SIGHUP');
    assert.equal(unlucky.events.at(-1)?.level, 'error');
    assert.equal(unlucky.calls.filter((call) => call === 'rollOut').length, 2);
  });

  it('turns all requests during a reload into one more', async () => {
    const gate = createSignal();
    let loads = 0;
    const { reloader } = createReloader({
      async load() {
        loads += 1;
        await gate.promise;
        return second;
      },
    });
    const running = reloader.request('first');
    await until(() => loads === 1, { what: 'the first load' });
    void reloader.request('second');
    void reloader.request('third');
    gate.resolve();
    await running;
    assert.equal(loads, 2);
    await reloader.request('later');
    assert.equal(loads, 3);
  });

  it('does nothing after close', async () => {
    const { reloader, calls, events } = createReloader({ load: async () => second });
    reloader.close();
    await reloader.request('SIGHUP');
    assert.deepEqual([calls, events], [[], []]);
  });

  it('warns about settings that running workers can not take on', async () => {
    const next = testConfig({ limits: { requestHeadBytes: '64KiB' } });
    const { reloader, events } = createReloader({ load: async () => next });
    await reloader.request('SIGHUP');
    assert.equal(events.at(-1)?.level, 'warn');
    assert.deepEqual(events.at(-1)?.fields['settings'], ['limits.requestHeadBytes']);
  });
});
