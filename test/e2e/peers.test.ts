// Peers that are added, altered and removed while real processes serve: in every worker when the answer
// comes, without a failed request, and kept when a worker or the sidecar dies.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { askApi, peerPath } from '../support/admin-api.ts';
import { createAuthority } from '../support/certificates.ts';
import { connectClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { type NamedOrigin, startNamedOrigin } from '../support/named-origins.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';
import { type SteadyLoad, startLoad } from '../support/steady-load.ts';
import { createTempDir } from '../support/temp-dir.ts';

const list = '/api/upstreams/app/peers';

function configOf(app: object, changes: ConfigFile = {}): ConfigFile {
  return {
    cores: 2,
    // Shares are to be what the weights say from the first request on.
    upstreams: { app: { balancer: 'round-robin', slowStart: { windowMs: 0 }, ...app } },
    routes: [{ to: 'app' }],
    log: { access: 'off' },
    ...changes,
  };
}

interface Bench {
  readonly sluice: Sluice;
  readonly a: NamedOrigin;
  readonly b: NamedOrigin;
  ask(line: string, body?: unknown, headers?: Record<string, string>): ReturnType<typeof askApi>;
}

/** Two workers; `a` is in the configuration, `b` is not. */
async function start(context: TestContext, app: object = {}): Promise<Bench> {
  const a = await startNamedOrigin(context, 'a');
  const b = await startNamedOrigin(context, 'b');
  const sluice = await startSluice(configOf({ peers: [a.url], ...app }), { context });
  const ask: Bench['ask'] = (line, body, headers = {}) => {
    return askApi(sluice.adminPort, line, { body, headers });
  };
  return { sluice, a, b, ask };
}

/** Waits until the load has made so many more good requests. */
async function more(load: SteadyLoad, count: number): Promise<void> {
  const goal = load.done + count;
  await until(() => load.done >= goal, {
    what: `${count} more good requests`,
    deadlineMs: 30_000,
    evidence: () => load.failures.slice(0, 20).join('\n'),
  });
}

/** Who answers on new connections: enough of them that no worker is left out. */
async function answersOf(sluice: Sluice, count = 40): Promise<string[]> {
  const names: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const client = await connectClient(sluice.port);
    names.push((await client.request()).text());
    client.close();
  }
  return names;
}

function sharesOf(names: readonly string[]): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const name of names) shares[name] = (shares[name] ?? 0) + 1;
  return shares;
}

describe('peers that change under load', () => {
  it('hold in both workers when the answer comes, and no request fails', async (context) => {
    const { sluice, a, b, ask } = await start(context);
    const isExpected = (body: string) => body === 'a' || body === 'b';
    const load = startLoad(sluice.port, {
      ...{ context, connections: 16, requestsPerConnection: 20, thinkMs: 5, isExpected },
    });
    await more(load, 100);
    assert.equal(b.count, 0);

    const added = await ask(`POST ${list}`, { url: b.url, weight: 3 });
    assert.equal(added.status, 201, added.text);
    assert.equal(added.headers['location'], peerPath('app', b.url));
    const shares = sharesOf(await answersOf(sluice, 80));
    assert.ok(shares['b']! > shares['a']!, JSON.stringify(shares));

    const drained = await ask(`PATCH ${peerPath('app', b.url)}`, { draining: true });
    assert.equal(drained.status, 200, drained.text);
    assert.deepEqual(sharesOf(await answersOf(sluice)), { a: 40 });
    const whileDraining = b.count;
    await more(load, 200);
    assert.equal(b.count, whileDraining, 'a draining peer gets nothing new');

    const back = await ask(`PATCH ${peerPath('app', b.url)}`, { draining: false, weight: 1 });
    assert.equal(back.status, 200, back.text);
    await until(() => b.count > whileDraining + 20, { what: 'b works again' });

    const removed = await ask(`DELETE ${peerPath('app', a.url)}`);
    assert.equal(removed.status, 204, removed.text);
    assert.deepEqual(sharesOf(await answersOf(sluice)), { b: 40 });
    const afterRemoval = a.count;
    await more(load, 200);
    assert.equal(a.count, afterRemoval, 'a removed peer gets nothing new');
    await load.stop();
    context.diagnostic(`${load.done} requests, ${load.failures.length} failed`);
    assert.deepEqual(load.failures, []);
  });

  it('share rollouts when many change at once', async (context) => {
    const { sluice, ask } = await start(context);
    const load = startLoad(sluice.port, { context, isExpected: () => true });
    const urls = Array.from({ length: 40 }, (_, at) => `http://127.0.0.1:${20_000 + at}`);
    const answers = await Promise.all(
      urls.map((url) => ask(`POST ${list}`, { url, draining: true })),
    );
    for (const { status, text } of answers) assert.equal(status, 201, text);
    const { json } = await ask('GET /api/upstreams');
    const { version, upstreams } = json as {
      version: number;
      upstreams: { peers: { latency: Record<string, number> | null }[] }[];
    };
    assert.equal(upstreams[0]!.peers.length, 41);
    // Only the first peer does not drain: it alone has answered.
    const [busy, ...others] = upstreams[0]!.peers.map(({ latency }) => latency);
    assert.ok(busy !== null && busy!['p50Ms']! > 0 && busy!['p99Ms']! >= busy!['p90Ms']!);
    assert.deepEqual([...new Set(others)], [null]);
    context.diagnostic(`40 changes, ${version - 1} rollouts`);
    assert.ok(version <= 20, `${version - 1} rollouts for 40 changes at once`);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
});

describe('peers of the admin API', () => {
  it('outlive a killed worker and a killed sidecar', async (context) => {
    const { sluice, a, b, ask } = await start(context);
    await ask(`POST ${list}`, { url: b.url, weight: 7 });
    await ask(`DELETE ${peerPath('app', a.url)}`);
    const before = await ask('GET /api/upstreams/app');
    for (const pid of [...sluice.workers(), sluice.sidecar()]) {
      const isBack = (event: Record<string, unknown>) => event['msg'] === 'child is ready again';
      const times = sluice.events().filter(isBack).length;
      process.kill(pid!, 'SIGKILL');
      await until(() => sluice.events().filter(isBack).length > times, {
        what: 'a successor is ready',
        evidence: () => sluice.output(),
      });
      await sluice.untilReady();
      assert.deepEqual(sharesOf(await answersOf(sluice)), { b: 40 });
      const after = await ask('GET /api/upstreams/app');
      assert.equal(after.etag, before.etag);
    }
    const peers = (await ask('GET /api/upstreams/app')).json as {
      peers: Record<string, unknown>[];
    };
    assert.equal(peers.peers.length, 1);
    assert.deepEqual([peers.peers[0]!['origin'], peers.peers[0]!['weight']], ['api', 7]);
    assert.equal(a.count, 0);
  });

  it('outlive a reload, unless the new configuration says something else about them', async (context) => {
    const { sluice, a, b, ask } = await start(context);
    const c = await startNamedOrigin(context, 'c');
    await ask(`POST ${list}`, { url: b.url, weight: 5 });
    await ask(`POST ${list}`, { url: c.url });
    await ask(`PATCH ${peerPath('app', a.url)}`, { draining: true });
    sluice.writeConfig(configOf({ peers: [a.url, { url: b.url, weight: 2 }], panicPercent: 10 }));
    const reloaded = await ask('POST /api/reload', {});
    assert.equal(reloaded.status, 200, reloaded.text);
    const { json } = await ask('GET /api/upstreams/app');
    const { peers } = json as { peers: Record<string, unknown>[] };
    assert.deepEqual(
      peers.map(({ url, origin, weight, draining }) => [url, origin, weight, draining]),
      [
        [a.url, 'config', 1, true],
        [b.url, 'config', 2, false],
        [c.url, 'api', 1, false],
      ],
    );
  });

  it('keep their counters when others come and go', async (context) => {
    const { sluice, a, b, ask } = await start(context);
    const load = startLoad(sluice.port, { context, isExpected: () => true });
    await more(load, 50);
    await load.stop();
    const attempts = async () => {
      const { json } = await ask(`GET ${peerPath('app', a.url)}`);
      return (json as { attempts: number }).attempts;
    };
    const before = await attempts();
    assert.ok(before >= 50);
    await ask(`POST ${list}`, { url: b.url });
    await ask(`PATCH ${peerPath('app', a.url)}`, { weight: 4 });
    await ask(`DELETE ${peerPath('app', b.url)}`);
    assert.equal(await attempts(), before);
  });

  it('are changed by one of two who know the same state', async (context) => {
    const { b, ask } = await start(context);
    const { etag } = await ask('GET /api/upstreams/app');
    const headers = { 'if-match': etag };
    const answers = await Promise.all([
      ask(`POST ${list}`, { url: b.url }, headers),
      ask(`POST ${list}`, { url: 'http://127.0.0.1:9' }, headers),
    ]);
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [201, 412]);
    const present = (await ask('GET /api/upstreams/app')).etag;
    assert.notEqual(present, etag);
    assert.equal(answers.find(({ status }) => status === 201)!.etag, present);
    const path = peerPath('app', b.url);
    assert.equal((await ask(`DELETE ${path}`, undefined, headers)).status, 412);
    const several = { 'if-match': `"other", ${present}` };
    assert.equal((await ask(`PATCH ${path}`, { weight: 2 }, several)).status, 200);
    assert.equal((await ask(`PATCH ${path}`, { weight: 3 }, { 'if-match': '*' })).status, 200);
    assert.equal(
      (await ask(`PATCH ${path}`, { weight: 4 }, { 'if-match': `W/${etag}` })).status,
      412,
    );
  });

  it('get the answer to a reload that moves the address it came in at', async (context) => {
    const { sluice, a, ask } = await start(context);
    const port = await freePort();
    sluice.writeConfig(configOf({ peers: [a.url] }, { admin: { port } }));
    // At once: the proxy watches its file as well, and would move the address by itself soon.
    const reloaded = await ask('POST /api/reload', {});
    assert.equal(reloaded.status, 200, reloaded.text);
    assert.equal((await askApi(port, 'GET /api/upstreams')).status, 200);
    assert.equal((await runSluice(sluice, 'peers list')).code, 3);
  });

  it('are what the answers say although workers die in the middle of changes', async (context) => {
    const { sluice, a, ask } = await start(context);
    const path = peerPath('app', a.url);
    const statuses: number[] = [];
    let weight = 1;
    let isOver = false;
    const killing = (async () => {
      for (let round = 0; round < 6; round += 1) {
        const goal = statuses.length + 3;
        await until(() => statuses.length >= goal, { what: 'more changes', deadlineMs: 60_000 });
        const victim = sluice.workers().at(round % 2);
        if (victim !== undefined) process.kill(victim, 'SIGKILL');
      }
      isOver = true;
    })();
    while (!isOver) {
      const wanted = (weight % 1000) + 1;
      const { status, text } = await ask(`PATCH ${path}`, { weight: wanted });
      assert.ok(status === 200 || status === 503, `${status} ${text}`);
      if (status === 200) weight = wanted;
      statuses.push(status);
    }
    await killing;
    await sluice.untilReady();
    const { json } = await ask(`GET ${path}`);
    assert.equal((json as { weight: number }).weight, weight);
    const failed = statuses.filter((status) => status === 503).length;
    context.diagnostic(`${statuses.length} changes, ${failed} failed, 6 workers killed`);
    assert.ok(failed < statuses.length / 2);
    const state = await askApi(sluice.adminPort, 'GET /api/status');
    const { version, workers } = state.json as { version: number; workers: { version: number }[] };
    assert.deepEqual(
      workers.map((worker) => worker.version),
      [version, version],
    );
  });

  it('stay as they were when a worker refuses, and the answer says which', async (context) => {
    const folder = createTempDir(context);
    const caFile = folder.file('ca.pem');
    writeFileSync(caFile, createAuthority(context).ca);
    const { sluice, a, b, ask } = await start(context, { tls: { caFile } });
    rmSync(caFile);
    const refused = await ask(`POST ${list}`, { url: b.url });
    assert.equal(refused.status, 422, refused.text);
    const { code, message, problems } = refused.json as Record<string, unknown>;
    assert.equal(code, 'refused');
    assert.match(String(message), /worker [01] refused/);
    assert.match(JSON.stringify(problems), /ENOENT/);
    assert.equal((await ask(`GET ${peerPath('app', b.url)}`)).status, 404);
    assert.deepEqual(sharesOf(await answersOf(sluice)), { a: 40 });
    assert.ok(a.count >= 40);
  });
});

describe('the command line', () => {
  it('lists and changes the peers of a running proxy, and reloads it', async (context) => {
    const { sluice, a, b } = await start(context);
    const run = (line: string) => runSluice(sluice, line);
    assert.deepEqual(await run(`peers add app ${b.url} --weight 3`), {
      ...{ code: 0, stdout: `${b.url} is a peer of app in every worker\n`, stderr: '' },
    });
    assert.equal((await run(`peers weight app ${b.url} --weight 5`)).code, 0);
    assert.equal((await run(`peers drain app ${a.url}`)).code, 0);
    assert.deepEqual(sharesOf(await answersOf(sluice)), { b: 40 });
    const table = await run('peers list');
    assert.match(table.stdout, /^app: round-robin, 2 of 2 healthy/);
    assert.match(table.stdout, new RegExp(`${a.url} +config +1 .* draining\n`));
    assert.match(table.stdout, new RegExp(`${b.url} +api +5 .* ok\n`));
    assert.equal((await run(`peers undrain app ${a.url}`)).code, 0);
    assert.equal((await run(`peers remove app ${b.url}`)).code, 0);
    assert.deepEqual(sharesOf(await answersOf(sluice)), { a: 40 });
    const refused = await run(`peers remove app ${a.url}`);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is the last peer/);
    assert.match((await run('reload')).stdout, /unchanged/);
    sluice.writeConfig(configOf({ peers: ['http://127.0.0.1:9/oops'] }));
    const invalid = await run('reload');
    assert.equal(invalid.code, 1);
    assert.match(invalid.stderr, /The new configuration is refused/);
    assert.match(invalid.stderr, /upstreams\.app\.peers\[0\]/);
    assert.equal(invalid.stdout, '');
  });
});

/** Runs `sluice` as an operator does, against the admin address that `sluice` started with. */
function runSluice(sluice: Sluice, line: string) {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const args = [main, ...line.split(' '), '--admin', `127.0.0.1:${sluice.adminPort}`];
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
