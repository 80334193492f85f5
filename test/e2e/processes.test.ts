// The real process tree under load while parts of it are killed, stopped, reloaded and drained.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { connectClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { type Origin, startHttpOrigin, startOrigin } from '../support/origin.ts';
import { childrenOf, isAlive, titleOf } from '../support/process-tree.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';
import { type SteadyLoad, startLoad } from '../support/steady-load.ts';
import { createTempDir } from '../support/temp-dir.ts';

function configFor(url: string, changes: ConfigFile = {}): ConfigFile {
  return {
    cores: 2,
    upstreams: { app: { peers: [url] } },
    routes: [{ to: 'app' }],
    log: { access: 'off' },
    ...changes,
  };
}

/** An origin whose every answer is `body`. */
async function startPlainOrigin(context: TestContext, body = 'ok'): Promise<string> {
  const origin = await startHttpOrigin((_, response) => response.end(body), { context });
  return origin.url;
}

/** An origin that answers only when told. */
async function startSlowOrigin(context: TestContext) {
  const origin = await startOrigin(() => {}, { context });
  const answer = async () => {
    const connection = await origin.connection(0);
    await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlater');
  };
  return { origin, answer };
}

/** Waits until the load has made so many more good requests. */
async function more(load: SteadyLoad, count: number): Promise<void> {
  const goal = load.done + count;
  await until(() => load.done >= goal, {
    what: `${count} more good requests`,
    evidence: () => load.failures.slice(0, 20).join('\n'),
  });
}

async function sendOneInFlight(context: TestContext, sluice: Sluice, origin: Origin) {
  const client = await connectClient(sluice.port, { context });
  const response = client.request();
  // Looked at later; it must not count as unhandled until then.
  response.catch(() => {});
  await origin.requestCount(1);
  return { client, response };
}

describe('the processes', () => {
  it('say in their titles what they are', async (context) => {
    const sluice = await startSluice(configFor('http://127.0.0.1:9'), { context });
    assert.match(titleOf(sluice.pid), /^sluice: primary .*sluice\.json$/);
    const titles = childrenOf(sluice.pid).map(titleOf).sort();
    assert.deepEqual(titles, ['sluice: sidecar', 'sluice: worker 0', 'sluice: worker 1']);
  });

  it('replace a killed worker at once while the other serves, and say how long it took', async (context) => {
    const url = await startPlainOrigin(context);
    const sluice = await startSluice(configFor(url), { context });
    const load = startLoad(sluice.port, { context, requestsPerConnection: 5 });
    await more(load, 50);
    const downMs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const [victim] = sluice.workers();
      assert.ok(victim);
      const isBack = (event: Record<string, unknown>) => event['msg'] === 'child is ready again';
      const before = sluice.events().filter(isBack).length;
      const killedAtMs = performance.now();
      process.kill(victim, 'SIGKILL');
      await more(load, 5);
      await until(() => sluice.events().filter(isBack).length > before, {
        what: 'the successor is ready',
        evidence: () => sluice.output(),
      });
      downMs.push(performance.now() - killedAtMs);
      assert.equal(sluice.workers().length, 2);
      // Two quick deaths of one slot would be answered by back-off, which is another test's matter.
      await more(load, 50);
    }
    await load.stop();
    context.diagnostic(`down for ${downMs.map(Math.round)} ms, ${load.failures.length} cut`);
    // Only what the dead workers held can have failed: 8 connections each time, and their queues.
    assert.ok(load.failures.length <= 3 * 16, load.failures.slice(0, 60).join('\n'));
  });

  it('lose no request when the sidecar is killed', async (context) => {
    const url = await startPlainOrigin(context);
    const sluice = await startSluice(configFor(url), { context });
    const load = startLoad(sluice.port, { context });
    await more(load, 50);
    const victim = sluice.sidecar();
    assert.ok(victim);
    process.kill(victim, 'SIGKILL');
    await more(load, 100);
    await sluice.untilReady();
    assert.notEqual(sluice.sidecar(), victim);
    await more(load, 100);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  it('lose no request when the sidecar hangs, and replace it', async (context) => {
    const url = await startPlainOrigin(context);
    const sluice = await startSluice(configFor(url), { context });
    const load = startLoad(sluice.port, { context, connections: 2 });
    const victim = sluice.sidecar();
    assert.ok(victim);
    process.kill(victim, 'SIGSTOP');
    const answersNot = (event: Record<string, unknown>) => {
      return event['child'] === 'sidecar' && /did not answer/.test(String(event['why']));
    };
    await sluice.untilEvent(answersNot, 'the hung sidecar is noticed', 20_000);
    await sluice.untilReady();
    assert.notEqual(sluice.sidecar(), victim);
    await more(load, 50);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  it('all end when the primary is killed', async (context) => {
    const url = await startPlainOrigin(context);
    const sluice = await startSluice(configFor(url), { context });
    const children = childrenOf(sluice.pid);
    assert.equal(children.length, 3);
    sluice.signal('SIGKILL');
    await until(() => !children.some(isAlive), { what: 'no child is left' });
  });

  it('finish what is in flight when the primary is killed', async (context) => {
    const { origin, answer } = await startSlowOrigin(context);
    const sluice = await startSluice(configFor(origin.url), { context });
    const children = childrenOf(sluice.pid);
    const { response } = await sendOneInFlight(context, sluice, origin);
    sluice.signal('SIGKILL');
    const isOrphaned = (event: Record<string, unknown>) => event['reason'] === 'orphaned';
    await sluice.untilEvent(isOrphaned, 'a worker notices');
    await answer();
    const body = await response.then(
      (whole) => whole.text(),
      () => '',
    );
    // A machine that stalls for longer than the worker waits is told by the worker.
    const isCut = (event: Record<string, unknown>) => event['msg'] === 'cut at the deadline';
    await until(() => body === 'later' || sluice.events().some(isCut), {
      what: 'the whole response, or why there is none',
      evidence: () => sluice.output(),
    });
    await until(() => !children.some(isAlive), { what: 'no child is left' });
  });
});

describe('a second instance', () => {
  it('on the same port is refused by name', async (context) => {
    const url = await startPlainOrigin(context);
    const first = await startSluice(configFor(url), { context });
    const listeners = [{ port: first.port }];
    const second = await startSluice(configFor(url, { listeners }), {
      context,
      isReadyAwaited: false,
    });
    assert.equal((await second.untilExit()).code, 1);
    const refusal = `port ${first.port} is already served by sluice, pid ${first.pid}, started `;
    assert.ok(second.stderr().includes(refusal), second.output());
    assert.ok(second.stderr().includes(first.configFile), second.output());
  });
});

describe('a drain', () => {
  it('finishes what is in flight, refuses new connections and exits 0', async (context) => {
    const { origin, answer } = await startSlowOrigin(context);
    const sluice = await startSluice(configFor(origin.url), { context });
    const { response } = await sendOneInFlight(context, sluice, origin);
    sluice.signal('SIGTERM');
    await until(
      () =>
        connectClient(sluice.port, { context }).then(
          () => false,
          () => true,
        ),
      {
        what: 'new connections are refused',
      },
    );
    assert.equal(sluice.exit, null);
    await answer();
    assert.equal((await response).text(), 'later');
    assert.deepEqual(await sluice.untilExit(), { code: 0, signal: null });
  });

  it('does not wait for a reload that a worker is at', async (context) => {
    const sluice = await startSluice(configFor('http://127.0.0.1:9'), { context });
    const folder = createTempDir(context);
    // Elsewhere it is good: only a worker waits for what never comes.
    const code = `if (process.env.SLUICE_ROLE === 'worker') {
      console.log('loading');
      await new Promise(() => {});
    }
    export default { request() {} };`;
    writeFileSync(folder.file('hangs.ts'), code);
    const plugins = [{ name: 'hangs', file: folder.file('hangs.ts') }];
    sluice.writeConfig(configFor('http://127.0.0.1:9', { plugins }));
    const evidence = () => sluice.output();
    const isLoading = () => sluice.logLines().filter((line) => line === 'loading').length === 2;
    await until(isLoading, { what: 'both workers load the plugin', evidence });
    sluice.signal('SIGTERM');
    assert.deepEqual(await sluice.untilExit(), { code: 0, signal: null });
  });

  it('cuts what is in flight beyond the drain time and exits 0', async (context) => {
    const { origin } = await startSlowOrigin(context);
    const timeouts = { drainMs: '500ms' };
    const sluice = await startSluice(configFor(origin.url, { timeouts }), { context });
    const { client } = await sendOneInFlight(context, sluice, origin);
    sluice.signal('SIGINT');
    await client.untilClosed();
    assert.deepEqual(await sluice.untilExit(), { code: 0, signal: null });
  });

  it('ends at once on a second signal', async (context) => {
    const { origin } = await startSlowOrigin(context);
    const sluice = await startSluice(configFor(origin.url), { context });
    await sendOneInFlight(context, sluice, origin);
    const children = childrenOf(sluice.pid);
    sluice.signal('SIGTERM');
    await sluice.untilEvent((event) => event['msg'] === 'draining', 'it drains');
    sluice.signal('SIGINT');
    assert.deepEqual(await sluice.untilExit(), { code: 130, signal: null });
    await until(() => !children.some(isAlive), { what: 'no child is left' });
  });
});

describe('a reload', () => {
  it('asked for while the configuration is read for the first time ends nothing', async (context) => {
    const folder = createTempDir(context);
    const [begun, go] = [folder.file('begun'), folder.file('go')];
    const code = `import { existsSync, writeFileSync } from 'node:fs';
    writeFileSync(${JSON.stringify(begun)}, '');
    const look = (resolve) => setTimeout(resolve, 10);
    while (!existsSync(${JSON.stringify(go)})) await new Promise(look);
    export default { request() {} };`;
    writeFileSync(folder.file('slow.ts'), code);
    const plugins = [{ name: 'slow', file: folder.file('slow.ts') }];
    const options = { context, isReadyAwaited: false };
    const sluice = await startSluice(configFor('http://127.0.0.1:9', { plugins }), options);
    const evidence = () => sluice.output();
    await until(() => existsSync(begun), { what: 'the configuration is being read', evidence });
    sluice.signal('SIGHUP');
    writeFileSync(go, '');
    await sluice.untilReady();
  });

  for (const how of ['SIGHUP', 'the file alone'] as const) {
    it(`by ${how} under load drops no request`, async (context) => {
      const [one, two] = [await startPlainOrigin(context), await startPlainOrigin(context, 'ok!')];
      const sluice = await startSluice(configFor(one), { context });
      const lives = () =>
        sluice.events().filter((event) => event['msg'] === 'new configuration is live');
      const bodies = new Set<string>();
      const load = startLoad(sluice.port, {
        context,
        isExpected: (body) => bodies.add(body) && body.startsWith('ok'),
      });
      for (const url of [two, one, two]) {
        const before = lives().length;
        if (how === 'SIGHUP') await sluice.reload(configFor(url));
        else sluice.writeConfig(configFor(url));
        await until(() => lives().length > before, {
          what: 'it is live',
          evidence: () => sluice.output(),
        });
        await load.round();
        bodies.clear();
        await more(load, 50);
        assert.deepEqual([...bodies], [url === one ? 'ok' : 'ok!']);
      }
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(lives()[0]?.['upstreams'], { changed: ['app'] });
    });
  }

  it('with an invalid file leaves the old configuration running and says why', async (context) => {
    const url = await startPlainOrigin(context);
    const sluice = await startSluice(configFor(url), { context });
    const load = startLoad(sluice.port, { context });
    const routes = [{ to: 'app' }, { to: 'nowhere' }];
    const refused = await sluice.reload(configFor(url, { routes, corse: 3 }));
    assert.equal(refused['msg'], 'new configuration is refused, the old one keeps running');
    const problems = (refused['problems'] as string[]).join('\n');
    assert.match(problems, /nowhere/);
    assert.match(problems, /corse/);
    await more(load, 50);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  it('opens, closes and refuses listeners by name', async (context) => {
    const url = await startPlainOrigin(context);
    const other = await startSluice(configFor(url), { context });
    const sluice = await startSluice(configFor(url), { context });
    const host = '127.0.0.1';
    const first = { host, port: sluice.port };
    const taken = { host, port: other.port };
    const refused = await sluice.reload(configFor(url, { listeners: [first, taken] }));
    assert.match(String(refused['problems']), new RegExp(`served by sluice, pid ${other.pid}`));
    await other.stop();
    sluice.signal('SIGHUP');
    await until(
      () =>
        connectClient(other.port, { context }).then(
          () => true,
          () => false,
        ),
      {
        what: 'the added listener serves',
        evidence: () => sluice.output(),
      },
    );
    await sluice.reload(configFor(url, { listeners: [first] }));
    await until(
      () =>
        connectClient(other.port, { context }).then(
          () => false,
          () => true,
        ),
      {
        what: 'the removed listener is closed',
        evidence: () => sluice.output(),
      },
    );
  });

  it('changes the number of workers without dropping a request', async (context) => {
    const url = await startPlainOrigin(context);
    const sluice = await startSluice(configFor(url), { context });
    const load = startLoad(sluice.port, { context, connections: 32, thinkMs: 30 });
    for (const cores of [3, 1, 4, 1, 2]) {
      await sluice.reload(configFor(url, { cores }));
      await until(() => sluice.workers().length === cores, {
        what: `${cores} workers`,
        evidence: () => sluice.output(),
      });
      await more(load, 100);
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
});
