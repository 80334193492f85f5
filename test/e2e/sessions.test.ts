// Clients that belong to a peer, on real processes: over all workers, while workers, the sidecar and peers
// die. Each request comes on a connection of its own, so that any worker may get it.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { until } from '../support/deadline.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { rawUpgrade } from '../support/raw-upgrade.ts';
import { Browser, type SessionApp, startSessionApp } from '../support/session-app.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';

/** New connections that leave out one of four workers once in 10,000 times. */
const manyRequests = 32;

/** Six clients, and more while all met the same peer; of 30 they do once in 10^14 times. */
function isMoreToSee(clients: number, met: ReadonlySet<string>): boolean {
  return clients < 6 || (met.size < 2 && clients < 30);
}

function configOf(peers: readonly unknown[], sticky: object, cores: number): ConfigFile {
  return {
    cores,
    upstreams: {
      app: {
        peers,
        sticky,
        // One failed connection is enough to leave a dead peer alone, but for long.
        ejection: { failuresInRow: 1, baseMs: '60s' },
        panicPercent: 0,
      },
    },
    routes: [{ to: 'app' }],
    log: { access: 'off' },
  };
}

interface Bench {
  readonly apps: readonly [SessionApp, SessionApp, SessionApp];
  readonly sluice: Sluice;
  readonly config: ConfigFile;
}

async function start(
  context: TestContext,
  sticky: object,
  { cores = 2, setsCookie = false } = {},
): Promise<Bench> {
  const apps = [
    await startSessionApp(context, 'a', { setsCookie }),
    await startSessionApp(context, 'b', { setsCookie }),
    await startSessionApp(context, 'c', { setsCookie }),
  ] as const;
  const config = configOf(
    apps.map(({ url }) => url),
    sticky,
    cores,
  );
  return { apps, sluice: await startSluice(config, { context }), config };
}

/** An application that accepts every WebSocket and says who it is; `cookies` are those it was sent. */
async function startSocketApp(context: TestContext, name: string) {
  const cookies: (string | undefined)[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  // Before the origin closes, which waits for its connections.
  context.after(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  const app = await startHttpOrigin((_, response) => response.end(name), { context });
  app.server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, () => {});
  });
  sockets.on('headers', (headers, request) => {
    headers.push(`X-App: ${name}`);
    cookies.push(request.headers.cookie);
  });
  return { url: app.url, cookies, sockets };
}

async function untilBack(sluice: Sluice, kill: () => number): Promise<void> {
  const isBack = (event: Record<string, unknown>) => event['msg'] === 'child is ready again';
  const before = sluice.events().filter(isBack).length;
  const victims = kill();
  await until(() => sluice.events().filter(isBack).length >= before + victims, {
    what: `${victims} successors are ready`,
    evidence: () => sluice.output(),
  });
  await sluice.untilReady();
}

/** Kills every worker at once: nothing is left but what others know. */
function killWorkers(sluice: Sluice): Promise<void> {
  return untilBack(sluice, () => {
    const victims = sluice.workers();
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    return victims.length;
  });
}

function killSidecar(sluice: Sluice): Promise<void> {
  return untilBack(sluice, () => {
    process.kill(sluice.sidecar()!, 'SIGKILL');
    return 1;
  });
}

describe('a session by a cookie of the proxy', () => {
  const sticky = { by: 'cookie' };

  it('stays on its peer over four workers, told once, unseen by the peer', async (context) => {
    const { apps, sluice } = await start(context, sticky, { cores: 4 });
    const met = new Set<string>();
    for (let at = 0; isMoreToSee(at, met); at++) {
      const browser = new Browser(sluice.port);
      browser.cookies.set('theme', 'dark');
      const names = await browser.meets(manyRequests);
      assert.equal(names.length, 1, `${names}`);
      met.add(names[0]!);
      assert.equal(browser.told.length, 1);
      assert.match(
        browser.told[0]!,
        /^sluice=[^;]{37}; Path=\/; Max-Age=750; HttpOnly; SameSite=Lax$/,
      );
    }
    assert.ok(met.size > 1, 'clients are spread over the peers');
    for (const { received } of apps) {
      for (const { cookie } of received) assert.equal(cookie, 'theme=dark');
    }
  });

  it('outlives every worker and the sidecar', async (context) => {
    const { sluice } = await start(context, sticky);
    const browser = new Browser(sluice.port);
    const before = await browser.meets(2);
    await killWorkers(sluice);
    await killSidecar(sluice);
    assert.deepEqual(await browser.meets(manyRequests), before);
    assert.equal(browser.told.length, 1);
  });

  it('moves when its peer dies, without a failed request, and comes to rest', async (context) => {
    const { apps, sluice } = await start(context, sticky);
    const browser = new Browser(sluice.port);
    const { app: first } = await browser.visit();
    const home = apps.find(({ name }) => name === first)!;
    await home.stop();
    const { app: second } = await browser.visit();
    assert.notEqual(second, first);
    assert.equal(browser.told.length, 2);
    assert.deepEqual(await browser.meets(manyRequests), [second]);
    await home.restart();
    assert.deepEqual(await browser.meets(manyRequests), [second]);
    assert.equal(browser.told.length, 2);
  });

  it('stays on a peer that drains, which gets no new ones', async (context) => {
    const { apps, sluice } = await start(context, sticky);
    const browser = new Browser(sluice.port);
    const { app: home } = await browser.visit();
    const peers = apps.map(({ name, url }) => ({ url, draining: name === home }));
    const outcome = await sluice.reload(configOf(peers, sticky, 2));
    assert.equal(outcome['msg'], 'new configuration is live');
    assert.deepEqual(await browser.meets(manyRequests), [home]);
    for (let at = 0; at < 20; at++) {
      assert.notEqual((await new Browser(sluice.port).visit()).app, home);
    }
  });

  // A client that would choose its peer, or make us look at its inventions, is a client without a session.
  it('does not follow cookies that were cut, changed or made up', async (context) => {
    const { apps, sluice } = await start(context, sticky, { cores: 1 });
    const browser = new Browser(sluice.port);
    await browser.visit();
    const good = browser.cookies.get('sluice')!;
    const changed = `${good.startsWith('x') ? 'y' : 'x'}${good.slice(1)}`;
    const bad = [good.slice(0, -1), `${good}x`, changed, '', '"', 'x'.repeat(3000)];
    for (const value of [...bad, good.toUpperCase(), apps[0].url, '%00', 'a=b=c']) {
      browser.cookies.set('sluice', value);
      browser.told.length = 0;
      await browser.visit();
      assert.equal(browser.told.length, 1, `${value} is replaced`);
    }
    for (const { received } of apps) {
      for (const { cookie } of received) assert.equal(cookie, undefined);
    }
  });

  it('begins with a WebSocket too, and leads the next one to the same peer', async (context) => {
    const [a, b] = [await startSocketApp(context, 'a'), await startSocketApp(context, 'b')];
    const sluice = await startSluice(configOf([a.url, b.url], sticky, 2), { context });
    const first = await rawUpgrade(context, sluice.port, '/', '');
    assert.match(first, /^HTTP\/1\.1 101 /);
    const [, cookie = ''] = /set-cookie: (sluice=[^;]+);/i.exec(first) ?? [];
    const home = /x-app: (.)/i.exec(first)?.[1];
    for (let at = 0; at < manyRequests; at++) {
      const next = await rawUpgrade(context, sluice.port, '/', `Cookie: ${cookie}; x=1\r\n`);
      assert.match(next, new RegExp(`^HTTP/1.1 101 .*x-app: ${home}\r\n`, 'is'));
      assert.doesNotMatch(next, /set-cookie/i);
    }
    const open = () => a.sockets.clients.size + b.sockets.clients.size;
    await until(() => open() === 0, { what: 'no WebSocket outlives its client' });
    const seen = [...a.cookies, ...b.cookies].filter((each) => each !== undefined);
    assert.deepEqual(new Set(seen), new Set(['x=1']));
  });

  it('holds over a full restart with a secret of the operator', async (context) => {
    const secret = 'one that the operator keeps';
    const { sluice, config } = await start(context, { ...sticky, secret });
    const browser = new Browser(sluice.port);
    const before = await browser.meets(1);
    await sluice.stop();
    const next = await startSluice(config, { context });
    const later = new Browser(next.port);
    for (const [name, value] of browser.cookies) later.cookies.set(name, value);
    assert.deepEqual(await later.meets(manyRequests), before);
  });
});

/**
 * Begins a session and finds it on its peer ever after, on any worker, when the client comes back after
 * `paceMs`; a client that is faster than the news may start anew, so a slow machine gets more time.
 */
async function settle(create: () => Browser, context: TestContext): Promise<[Browser, string]> {
  for (let paceMs = 50; ; paceMs *= 2) {
    const browser = create();
    const { app } = await browser.visit();
    await delay(paceMs);
    const names = await browser.meets(manyRequests);
    if (names.length === 1 && names[0] === app) {
      context.diagnostic(`known to all workers within ${paceMs} ms`);
      return [browser, app];
    }
    assert.ok(paceMs < 1000, `after ${paceMs} ms: begun on ${app}, met ${names}`);
  }
}

describe('a session by a cookie of the application', () => {
  const sticky = { by: 'learned-cookie', name: 'connect.sid' };
  const options = { cores: 4, setsCookie: true };

  it('stays on the peer that began it, over four workers', async (context) => {
    const { sluice } = await start(context, sticky, options);
    const homes = new Set<string>();
    for (let at = 0; isMoreToSee(at, homes); at++) {
      const [browser, home] = await settle(() => new Browser(sluice.port), context);
      homes.add(home);
      const { visits } = await browser.visit();
      assert.equal(visits, manyRequests + 2, 'the application has known it all the time');
    }
    assert.ok(homes.size > 1, 'clients are spread over the peers');
  });

  it('outlives every worker, then the sidecar, then every worker again', async (context) => {
    const { sluice } = await start(context, sticky, { ...options, cores: 2 });
    const [browser, home] = await settle(() => new Browser(sluice.port), context);
    await killWorkers(sluice);
    assert.deepEqual(await browser.meets(manyRequests), [home]);
    await killSidecar(sluice);
    assert.deepEqual(await browser.meets(manyRequests), [home]);
    await killWorkers(sluice);
    assert.deepEqual(await browser.meets(manyRequests), [home]);
    const { visits } = await browser.visit();
    assert.equal(visits, 4 * manyRequests + 2);
  });

  it('begins anew on another peer when its own dies', async (context) => {
    const { apps, sluice } = await start(context, sticky, { ...options, cores: 2 });
    const [browser, home] = await settle(() => new Browser(sluice.port), context);
    await apps.find(({ name }) => name === home)!.stop();
    const { app, visits } = await browser.visit();
    assert.notEqual(app, home);
    assert.equal(visits, 1);
    await settle(() => {
      const same = new Browser(sluice.port);
      for (const [name, value] of browser.cookies) same.cookies.set(name, value);
      return same;
    }, context);
  });
});

describe('a session by a header', () => {
  const sticky = { by: 'header', name: 'X-Session' };

  it('stays on its peer over all workers, moves when that dies, and rests there', async (context) => {
    const { apps, sluice } = await start(context, sticky);
    const create = () => new Browser(sluice.port, ['x-session: s-42']);
    const [browser, home] = await settle(create, context);
    await apps.find(({ name }) => name === home)!.stop();
    assert.notEqual((await browser.visit()).app, home);
    const [, next] = await settle(create, context);
    assert.notEqual(next, home);
    await killWorkers(sluice);
    assert.deepEqual(await browser.meets(manyRequests), [next]);
  });

  it('is not lost by a worker that takes the place of another under load', async (context) => {
    const { sluice } = await start(context, sticky);
    const sessions = await Promise.all(
      Array.from({ length: 8 }, (_, at) => {
        return settle(() => new Browser(sluice.port, [`x-session: s-${at}`]), context);
      }),
    );
    let isOver = false;
    context.after(() => {
      isOver = true;
    });
    let answered = 0;
    let cut = 0;
    const strays: string[] = [];
    const load = sessions.map(async ([browser, home]) => {
      while (!isOver) {
        try {
          const { app } = await browser.visit();
          answered += 1;
          if (app !== home) strays.push(`${app}, not ${home}`);
        } catch {
          // Its connection was with the worker that was killed.
          cut += 1;
          await delay(1);
        }
      }
    });
    for (let round = 0; round < 3; round++) {
      await untilBack(sluice, () => {
        process.kill(sluice.workers()[0]!, 'SIGKILL');
        return 1;
      });
      const goal = answered + 200;
      await until(() => answered > goal, { what: '200 more answers', deadlineMs: 30_000 });
    }
    isOver = true;
    await Promise.all(load);
    context.diagnostic(`${answered} answered, ${cut} cut`);
    assert.deepEqual(strays, []);
  });

  it('leaves requests without it to the balancer', async (context) => {
    const { sluice } = await start(context, sticky, { cores: 1 });
    assert.ok((await new Browser(sluice.port).meets(manyRequests)).length > 1);
  });
});
