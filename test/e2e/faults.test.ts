// Faults under steady load, on real processes: two workers, three peers, of which two stay healthy. Each
// test prints how many requests there were and how many of them failed, and says which may fail at all.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/deadline.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { freePort } from '../support/free-port.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';
import { HEALTH_PATH } from './faults/backend.ts';
import { type PeerProcess, startPeers } from './faults/peer-process.ts';
import { startWatchedLoad, type WatchedLoad } from './faults/watched-load.ts';

/** Peers are given back quickly, for otherwise the tests would wait for nothing else. */
const QUICK = { ejection: { baseMs: '500ms', maxMs: '1s' }, slowStart: { windowMs: '1s' } };

/**
 * Active checks: a peer that answers as it should not is out at once, one that is silent after two seconds.
 * Others must not look silent because nobody gave them processor time.
 */
const CHECKED = {
  type: 'http',
  path: HEALTH_PATH,
  intervalMs: '100ms',
  downIntervalMs: '100ms',
  timeoutMs: '1s',
  fall: 2,
};

function configFor(
  peers: readonly PeerProcess[],
  upstream: ConfigFile = {},
  cores = 2,
): ConfigFile {
  return {
    cores,
    upstreams: { app: { peers: peers.map(({ url }) => url), ...QUICK, ...upstream } },
    routes: [{ to: 'app' }],
    log: { access: 'off' },
  };
}

interface Scene {
  readonly peers: readonly [PeerProcess, PeerProcess, PeerProcess];
  readonly sluice: Sluice;
  readonly load: WatchedLoad;
}

/** Peers a, b and c behind a proxy under load, all of them in use. */
async function setScene(
  context: TestContext,
  upstream: ConfigFile = {},
  cores = 2,
): Promise<Scene> {
  const [a, b, c] = await startPeers(context, ['a', 'b', 'c']);
  assert.ok(a && b && c);
  const sluice = await startSluice(configFor([a, b, c], upstream, cores), { context });
  const load = startWatchedLoad(context, sluice.port);
  for (const { name } of [a, b, c]) await load.more(5, name);
  return { peers: [a, b, c], sluice, load };
}

async function end(context: TestContext, load: WatchedLoad): Promise<void> {
  await load.stop();
  context.diagnostic(load.summary());
}

function saw(sluice: Sluice, msg: string, peer: PeerProcess): number {
  return sluice.events().filter((event) => event['msg'] === msg && event['peer'] === peer.url)
    .length;
}

/** Waits until the sidecar says once more that the peer is out, or back. */
async function untilPeer(sluice: Sluice, peer: PeerProcess, is: 'out' | 'back', seen = 0) {
  await until(() => saw(sluice, `peer is ${is}`, peer) > seen, {
    what: `peer ${peer.name} is ${is}`,
    evidence: () => sluice.output(),
  });
}

describe('no request fails when', { concurrency: 2 }, () => {
  it('a peer is killed and started again', async (context) => {
    const { peers, sluice, load } = await setScene(context);
    const [, b] = peers;
    await b.kill();
    await untilPeer(sluice, b, 'out');
    await load.more(300);
    await b.start();
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.failures, []);
  });

  it('a peer is frozen for less than the head may take', async (context) => {
    const { peers, sluice, load } = await setScene(context, { active: CHECKED });
    const [, b] = peers;
    b.signal('SIGSTOP');
    await untilPeer(sluice, b, 'out');
    await load.more(200);
    b.signal('SIGCONT');
    await untilPeer(sluice, b, 'back');
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.failures, []);
  });

  it('a peer does not accept', async (context) => {
    const [b] = await startPeers(context, ['b'], { backlog: 1 });
    const [a, c] = await startPeers(context, ['a', 'c']);
    assert.ok(a && b && c);
    b.signal('SIGSTOP');
    const fillers = await fillBacklog(context, b, 2);
    const upstream = { timeouts: { connectMs: '1s' } };
    const config = configFor([a, b, c], upstream);
    const sluice = await startSluice(config, { context });
    const load = startWatchedLoad(context, sluice.port);
    await untilPeer(sluice, b, 'out');
    await load.more(200);
    // Back, and out again, while it still does not accept.
    await untilPeer(sluice, b, 'out', 1);
    assert.equal(load.goodOf('b'), 0);
    for (const filler of fillers) filler.destroy();
    b.signal('SIGCONT');
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.failures, []);
  });

  // A second attempt begins once a request takes longer than most; that is known from 100 answers of a
  // worker on, hence one worker. What finds the budget spent is not hedged, hence a large one.
  it('a peer hangs, where requests are hedged', async (context) => {
    const hedged = {
      active: { ...CHECKED, timeoutMs: '200ms' },
      hedge: { enabled: true },
      retry: { budgetMin: 100 },
      timeouts: { headMs: '3s' },
    };
    const { peers, sluice, load } = await setScene(context, hedged, 1);
    const [, b] = peers;
    await load.more(200);
    b.behave('hang');
    await untilPeer(sluice, b, 'out');
    await load.more(200);
    b.behave('ok');
    await load.more(20, 'b');
    await end(context, load);
    const { hang } = await b.deeds();
    context.diagnostic(`${hang} requests met the peer while it hung`);
    assert.ok(hang > 0);
    assert.deepEqual(load.failures, []);
  });

  it('a peer answers 500, where that counts like a failed attempt', async (context) => {
    const retry = { statuses: [500, 502, 503], budgetMin: 100 };
    const { peers, sluice, load } = await setScene(context, { retry });
    const [, b] = peers;
    b.behave('fail');
    await untilPeer(sluice, b, 'out');
    await load.more(200);
    b.behave('ok');
    await load.more(20, 'b');
    await end(context, load);
    const { fail } = await b.deeds();
    context.diagnostic(`${fail} requests met the peer while it failed`);
    assert.ok(fail > 0);
    assert.deepEqual(load.failures, []);
  });

  it('the sidecar is killed', async (context) => {
    const { peers, sluice, load } = await setScene(context);
    const victim = sluice.sidecar();
    assert.ok(victim);
    process.kill(victim, 'SIGKILL');
    // Nobody but the workers themselves can see this now.
    await peers[1].kill();
    await load.more(200);
    await until(() => sluice.sidecar() !== null && sluice.sidecar() !== victim, {
      what: 'there is another sidecar',
    });
    await sluice.untilReady();
    await peers[1].start();
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.failures, []);
  });

  it('the sidecar is frozen for three seconds', async (context) => {
    const { peers, sluice, load } = await setScene(context);
    const victim = sluice.sidecar();
    assert.ok(victim);
    process.kill(victim, 'SIGSTOP');
    await peers[1].kill();
    await Promise.all([delay(3000), load.more(200)]);
    process.kill(victim, 'SIGCONT');
    await peers[1].start();
    await load.more(20, 'b');
    await end(context, load);
    assert.equal(sluice.sidecar(), victim);
    assert.deepEqual(load.failures, []);
  });

  it('the configuration is reloaded', async (context) => {
    const { peers, sluice, load } = await setScene(context);
    const [a, b, c] = peers;
    for (const kept of [[a, b], [b, c], peers]) {
      await reload(sluice, configFor(kept));
      for (const { name } of kept) await load.more(20, name);
    }
    await reload(sluice, configFor([a, b]));
    // What was begun before may still be on its way to c.
    await load.more(load.connections);
    const before = load.goodOf('c');
    await load.more(100);
    assert.equal(load.goodOf('c'), before);
    await end(context, load);
    assert.deepEqual(load.failures, []);
  });

  it('answers of the DNS change and fail', async (context) => {
    const port = await freePort();
    const hosts = { a: '127.0.0.2', b: '127.0.0.3', c: '127.0.0.4' };
    for (const [name, host] of Object.entries(hosts))
      await startPeers(context, [name], { host, port });
    const dns = await startDnsServer(context);
    const name = 'app.internal';
    const resolveTo = (...addresses: string[]) => dns.zones.set(name, { addresses, ttl: 0 });
    resolveTo(hosts.a, hosts.b);
    const discovery = { dns: `${name}:${port}`, servers: [dns.address], ttlMinMs: '100ms' };
    const sluice = await startSluice(configFor([], { discovery }), { context });
    await until(async () => /127\.0\.0\.3/.test((await sluice.admin('/api/upstreams')).text), {
      what: 'the peers are found',
      evidence: () => sluice.output(),
    });
    const load = startWatchedLoad(context, sluice.port);
    await load.more(20, 'b');
    resolveTo(hosts.b, hosts.c);
    await load.more(20, 'c');
    for (const mood of ['servfail', 'hang', 'refused'] as const) {
      dns.mood = mood;
      const asked = dns.count(`A ${name}`);
      await until(() => dns.count(`A ${name}`) > asked, { what: 'the name is asked for again' });
      await load.more(100);
    }
    dns.mood = 'answer';
    dns.zones.delete(name);
    await load.more(100);
    resolveTo(hosts.a, hosts.c);
    await load.more(20, 'a');
    await end(context, load);
    assert.deepEqual(load.failures, []);
  });
});

describe("nothing fails but what can't be saved when", { concurrency: 2 }, () => {
  // Nobody knows whether a peer that is silent works on a request, so a timeout is never repeated.
  it('a peer hangs: what it holds, with 504', async (context) => {
    const headMs = '3s';
    const { peers, sluice, load } = await setScene(context, {
      active: CHECKED,
      timeouts: { headMs },
    });
    const [, b] = peers;
    b.behave('hang');
    await untilPeer(sluice, b, 'out');
    await load.more(300);
    b.behave('ok');
    await untilPeer(sluice, b, 'back');
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.except('504'), []);
    assert.equal(load.count('504'), (await b.deeds()).hang);
  });

  // Without `retry.statuses` an answer is an answer: it is passed on, and only checks find the peer ill.
  it('a peer answers 500: its answers until a check has seen it', async (context) => {
    const { peers, sluice, load } = await setScene(context, { active: CHECKED });
    const [, b] = peers;
    b.behave('fail');
    await untilPeer(sluice, b, 'out');
    await load.more(load.connections);
    const before = load.count('500');
    await load.more(200);
    assert.equal(load.count('500'), before);
    b.behave('ok');
    await untilPeer(sluice, b, 'back');
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.except('500'), []);
    assert.equal(load.count('500'), (await b.deeds()).fail);
  });

  it('a peer resets in mid-body: the responses that broke, until it is out', async (context) => {
    const { peers, sluice, load } = await setScene(context);
    const [, b] = peers;
    b.behave('break');
    await untilPeer(sluice, b, 'out');
    b.behave('ok');
    await load.more(20, 'b');
    await end(context, load);
    assert.deepEqual(load.except('half'), []);
    assert.equal(load.count('half'), (await b.deeds()).break);
  });

  it('all peers are down: everything until one is back, without a restart', async (context) => {
    const { peers, sluice, load } = await setScene(context);
    await Promise.all(peers.map((peer) => peer.kill()));
    await until(() => load.failures.length >= 50, { what: 'requests fail' });
    const workers = sluice.workers();
    await Promise.all(peers.map((peer) => peer.start()));
    const startedAtMs = performance.now();
    await load.more(1);
    const recoveredMs = Math.round(performance.now() - startedAtMs);
    for (const { name } of peers) await load.more(20, name);
    const failed = load.failures.length;
    await load.more(200);
    await end(context, load);
    context.diagnostic(`good again ${recoveredMs} ms after the peers listen`);
    assert.equal(load.failures.length, failed);
    assert.deepEqual(load.except('502', '503'), []);
    assert.deepEqual(sluice.workers(), workers);
  });

  it('a worker is killed: what was on its connections', async (context) => {
    const { sluice, load } = await setScene(context);
    const [victim] = sluice.workers();
    assert.ok(victim);
    process.kill(victim, 'SIGKILL');
    await load.more(100);
    const isBack = (event: Record<string, unknown>) => event['msg'] === 'child is ready again';
    await sluice.untilEvent(isBack, 'the successor is ready');
    const failed = load.failures.length;
    await load.more(200);
    await end(context, load);
    assert.equal(load.failures.length, failed);
    // In flight, and accepted by the kernel for a worker that is no more: each connection once at most.
    assert.deepEqual(load.except('cut', 'refused'), []);
    assert.ok(load.count('cut') <= load.connections, load.summary());
    assert.ok(load.count('refused') <= load.connections, load.summary());
  });
});

/** Returns once the configuration is live; the watch of the file may have been faster than the signal. */
async function reload(sluice: Sluice, config: ConfigFile): Promise<void> {
  const outcome = await sluice.reload(config);
  assert.match(String(outcome['msg']), /is live|is unchanged/);
}

/** Opens connections until the kernel accepts no more for a frozen process. */
async function fillBacklog(context: TestContext, peer: PeerProcess, count: number) {
  let connected = 0;
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(peer.port, '127.0.0.1', () => {
      connected += 1;
    });
    socket.on('error', () => {});
    socket.unref();
    context.after(() => socket.destroy());
    return socket;
  });
  await until(() => connected === count, { what: 'the backlog is full' });
  return sockets;
}
