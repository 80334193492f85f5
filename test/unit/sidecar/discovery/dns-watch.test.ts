// One name over time: what is told when, and how often it is asked for. Time and answers are scripted.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type {
  Address,
  DnsQuestions,
  DnsResult,
} from '../../../../src/sidecar/discovery/dns-query.ts';
import { DnsWatch } from '../../../../src/sidecar/discovery/dns-watch.ts';
import { FakeTimers, recordEvents } from '../../primary/fake-fleet.ts';

const none: DnsResult<never> = { kind: 'none', code: 'ENODATA' };
const failed: DnsResult<never> = { kind: 'failed', code: 'ETIMEOUT' };
const found = (ttl: number, ...addresses: string[]): DnsResult<Address> => {
  return { kind: 'found', records: addresses.map((address) => ({ address, ttl })) };
};

interface Script {
  answer4: DnsResult<Address>;
  answer6: DnsResult<Address>;
  isUsable: boolean;
  hasPeers: boolean;
}

function start(context: TestContext, first: Partial<Script> = {}) {
  const timers = new FakeTimers();
  const events = recordEvents();
  const told: string[][] = [];
  const script: Script = {
    answer4: none,
    answer6: none,
    isUsable: true,
    hasPeers: false,
    ...first,
  };
  let asked = 0;
  const ask: DnsQuestions = {
    async addresses4() {
      asked += 1;
      return script.answer4;
    },
    addresses6: async () => script.answer6,
    services: async () => none,
    cancel() {},
  };
  const watch = new DnsWatch({
    upstream: 'app',
    dns: 'app.internal:80',
    scheme: 'http',
    servers: [],
    ttlMinMs: 1000,
    ttlMaxMs: 60_000,
    timers,
    events,
    ask,
    random: () => 0,
    hasPeers: () => script.hasPeers,
    async onPeers(peers) {
      told.push(peers.map(({ url }) => url.slice('http://'.length)));
      return script.isUsable;
    },
  });
  context.after(() => watch.close());
  return { timers, events: events.list, told, script, watch, asked: () => asked };
}

describe('a watched name', () => {
  it('is told once per change and asked for by its TTL', async (context) => {
    const { timers, told, script, asked } = start(context, { answer4: found(30, '10.0.0.1') });
    await timers.advance(29_999);
    assert.equal(asked(), 1);
    await timers.advance(1);
    assert.equal(asked(), 2);
    script.answer4 = found(1, '10.0.0.2', '10.0.0.1');
    await timers.advance(30_000);
    script.answer4 = found(1, '10.0.0.1', '10.0.0.2');
    await timers.advance(5000);
    assert.equal(asked(), 8);
    assert.deepEqual(told, [['10.0.0.1'], ['10.0.0.1', '10.0.0.2']]);
  });

  it('keeps its last good answer while nobody answers, says so once, and asks ever later', async (context) => {
    const { timers, told, script, events, watch, asked } = start(context, {
      answer4: found(1, '10.0.0.1'),
    });
    await timers.advance(0);
    script.answer4 = failed;
    script.answer6 = failed;
    await timers.advance(1000);
    const before = asked();
    assert.equal(watch.state.problem, 'ETIMEOUT');
    await timers.advance(1000 + 2000 + 4000 + 8000);
    assert.equal(asked(), before + 4);
    script.answer4 = none;
    script.answer6 = none;
    await timers.advance(600_000);
    assert.deepEqual(told, [['10.0.0.1']]);
    script.answer4 = found(1, '10.0.0.7');
    await timers.advance(60_000);
    assert.deepEqual(told, [['10.0.0.1'], ['10.0.0.7']]);
    assert.equal(watch.state.problem, null);
    assert.deepEqual(
      events.map(({ level, message }) => `${level}: ${message}`),
      ['warn: DNS fails or names nobody, the last good answer stays', 'info: DNS answers again'],
    );
  });

  it('is asked for by its TTL although one family never answers', async (context) => {
    const { timers, told, script, asked } = start(context, {
      answer4: found(2, '10.0.0.1'),
      answer6: failed,
    });
    await timers.advance(19_999);
    assert.equal(asked(), 10);
    script.answer4 = found(2, '10.0.0.2');
    await timers.advance(2000);
    assert.deepEqual(told, [['10.0.0.1'], ['10.0.0.2']]);
  });

  it('does not give up peers that a sidecar before it found for an answer with holes', async (context) => {
    const { timers, told, script } = start(context, {
      answer4: found(1, '10.0.0.1'),
      answer6: failed,
      hasPeers: true,
    });
    await timers.advance(500);
    assert.deepEqual(told, []);
    script.answer6 = found(1, 'fd00::1');
    await timers.advance(1000);
    assert.deepEqual(told, [['10.0.0.1', '[fd00::1]']]);
  });

  it('believes an answer with holes in the end', async (context) => {
    const { timers, told } = start(context, {
      answer4: found(1, '10.0.0.1'),
      answer6: failed,
      hasPeers: true,
    });
    await timers.advance(10_000);
    assert.deepEqual(told, [['10.0.0.1']]);
  });

  it('hands peers over again that could not be used', async (context) => {
    const { timers, told, script } = start(context, {
      answer4: found(1, '10.0.0.1'),
      isUsable: false,
    });
    await timers.advance(1000);
    script.isUsable = true;
    await timers.advance(5000);
    assert.deepEqual(told, [['10.0.0.1'], ['10.0.0.1'], ['10.0.0.1']]);
  });

  it('asks nobody any more when it is closed', async (context) => {
    const { timers, watch, asked } = start(context, { answer4: found(1, '10.0.0.1') });
    await timers.advance(0);
    watch.close();
    await timers.advance(60_000);
    assert.equal(asked(), 1);
  });
});
