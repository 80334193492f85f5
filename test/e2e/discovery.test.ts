// Peers that DNS and files name, on real processes: answers that change, fail, hang and come back; files
// that change, break and are swapped.

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { askApi, peerPath } from '../support/admin-api.ts';
import { connectClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { type NamedOrigin, startAtOnePort, startNamedOrigin } from '../support/named-origins.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';
import { startLoad } from '../support/steady-load.ts';
import { createTempDir } from '../support/temp-dir.ts';

const name = 'app.internal';
const failing = 'DNS fails or names nobody, the last good answer stays';
const broken = 'file with peers can not be used, what it said last stays';

function configOf(app: object): ConfigFile {
  return {
    cores: 2,
    // Shares are to be what the weights say from the first request on.
    upstreams: { app: { balancer: 'round-robin', slowStart: { windowMs: 0 }, ...app } },
    routes: [{ to: 'app' }],
    log: { access: 'off' },
  };
}

interface Bench {
  readonly sluice: Sluice;
  readonly dns: DnsServer;
  /** At the same port of 127.0.0.2 and 127.0.0.3. */
  readonly a: NamedOrigin;
  readonly b: NamedOrigin;
}

/** A proxy whose peers are the addresses of app.internal; `prepare` comes before its first question. */
async function start(context: TestContext, prepare: (dns: DnsServer) => void): Promise<Bench> {
  const [a, b] = await startAtOnePort(context, { a: '127.0.0.2', b: '127.0.0.3' });
  const dns = await startDnsServer(context);
  prepare(dns);
  const discovery = { dns: `${name}:${a!.port}`, servers: [dns.address], ttlMaxMs: '2s' };
  const sluice = await startSluice(configOf({ discovery }), { context });
  return { sluice, dns, a: a!, b: b! };
}

async function ask(sluice: Sluice): Promise<string> {
  const client = await connectClient(sluice.port);
  const response = await client.request();
  client.close();
  return response.status === 200 ? response.text() : `${response.status}`;
}

async function untilAnswers(sluice: Sluice, ...expected: string[]): Promise<void> {
  const answers = async () => {
    const seen = new Set<string>();
    for (let at = 0; at < 20; at += 1) seen.add(await ask(sluice));
    return [...seen].sort();
  };
  let last: string[] = [];
  await until(
    async () => {
      last = await answers();
      return last.join() === expected.join();
    },
    {
      what: `only ${expected.join(' and ')} answer`,
      evidence: () => `answers: ${last.join()}\n${sluice.output()}`,
    },
  );
}

function count(sluice: Sluice, message: string): number {
  return sluice.events().filter((event) => event['msg'] === message).length;
}

describe('peers by DNS', () => {
  it('follow the addresses of their name under load, without a failed request', async (context) => {
    const { sluice, dns, a, b } = await start(context, ({ zones }) => {
      zones.set(name, { addresses: ['127.0.0.2'] });
    });
    await untilAnswers(sluice, 'a');
    const isExpected = (body: string) => body === 'a' || body === 'b';
    const load = startLoad(sluice.port, { context, thinkMs: 5, isExpected });
    for (const [addresses, names] of [
      [
        ['127.0.0.2', '127.0.0.3'],
        ['a', 'b'],
      ],
      [['127.0.0.3'], ['b']],
      [['127.0.0.2'], ['a']],
    ] as const) {
      dns.zones.set(name, { addresses });
      await untilAnswers(sluice, ...names);
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.ok(a.count > 0 && b.count > 0);
    context.diagnostic(`${load.done} requests, none failed`);
  });

  it('stay while the name server fails, hangs or knows nothing, and one event says so', async (context) => {
    const { sluice, dns } = await start(context, ({ zones }) => {
      zones.set(name, { addresses: ['127.0.0.2'] });
    });
    await untilAnswers(sluice, 'a');
    const isExpected = (body: string) => body === 'a' || body === 'b';
    const load = startLoad(sluice.port, { context, thinkMs: 5, isExpected });
    const twiceMore = async () => {
      const goal = dns.asked.length + 4;
      await until(() => dns.asked.length >= goal, {
        what: 'it is asked again',
        deadlineMs: 30_000,
      });
    };
    dns.mood = 'servfail';
    await twiceMore();
    dns.mood = 'hang';
    await twiceMore();
    dns.mood = 'answer';
    dns.zones.delete(name);
    await twiceMore();
    dns.zones.set(name, {});
    await twiceMore();
    assert.equal(count(sluice, failing), 1);
    assert.equal(await ask(sluice), 'a');
    const { json } = await askApi(sluice.adminPort, 'GET /api/upstreams/app');
    const { discovery } = json as { discovery: Record<string, unknown> };
    assert.equal(typeof discovery['dnsProblem'], 'string');
    dns.zones.set(name, { addresses: ['127.0.0.3'] });
    await untilAnswers(sluice, 'b');
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(count(sluice, failing), 1);
    assert.equal(count(sluice, 'DNS answers again'), 1);
  });

  it('may come later than the proxy: until then clients get 503', async (context) => {
    const { sluice, dns } = await start(context, (server) => {
      server.mood = 'hang';
    });
    assert.equal(await ask(sluice), '503');
    dns.mood = 'answer';
    assert.equal(await ask(sluice), '503');
    dns.zones.set(name, { addresses: ['127.0.0.2'] });
    await untilAnswers(sluice, 'a');
  });

  it('outlive the sidecar that found them although DNS is gone', async (context) => {
    const { sluice, dns } = await start(context, ({ zones }) => {
      zones.set(name, { addresses: ['127.0.0.2', '127.0.0.3'] });
    });
    await untilAnswers(sluice, 'a', 'b');
    await askApi(sluice.adminPort, `DELETE ${peerPath('app', await urlOf(sluice, '127.0.0.3'))}`);
    await untilAnswers(sluice, 'a');
    dns.mood = 'hang';
    const sidecar = sluice.sidecar()!;
    process.kill(sidecar, 'SIGKILL');
    await sluice.untilEvent(({ msg }) => msg === 'child is ready again', 'a new sidecar');
    await sluice.untilReady();
    await untilAnswers(sluice, 'a');
    dns.mood = 'answer';
    const asked = dns.asked.length;
    await until(() => dns.asked.length > asked + 3, { what: 'asked again' });
    await untilAnswers(sluice, 'a');
    assert.equal(await originOf(sluice, '127.0.0.2'), 'dns');
  });

  it('are the targets of a service, with port, weight and tier', async (context) => {
    const [x, y, z] = await Promise.all(
      ['x', 'y', 'z'].map((one) => startNamedOrigin(context, one)),
    );
    const dns = await startDnsServer(context);
    const services = [
      { target: 'one.internal', port: x!.port, weight: 3, priority: 5 },
      { target: 'one.internal', port: y!.port, weight: 1, priority: 5 },
      { target: 'one.internal', port: z!.port, weight: 1, priority: 9 },
    ];
    dns.zones.set('_http._tcp.internal', { services });
    dns.zones.set('one.internal', { addresses: ['127.0.0.1'] });
    const discovery = {
      ...{ dns: 'srv:_http._tcp.internal', servers: [dns.address], ttlMaxMs: '1s' },
    };
    const sluice = await startSluice(configOf({ discovery }), { context });
    await untilAnswers(sluice, 'x', 'y');
    assert.equal(z!.count, 0, 'the second tier is for when the first is short');
    dns.zones.set('_http._tcp.internal', { services: services.slice(2) });
    await untilAnswers(sluice, 'z');
  });
});

describe('peers of a file', () => {
  it('are there with the first request and follow the file, in JSON or YAML', async (context) => {
    const [a, b] = await Promise.all(['a', 'b'].map((one) => startNamedOrigin(context, one)));
    const folder = createTempDir(context);
    for (const [file, write] of [
      ['peers.json', (urls: string[]) => JSON.stringify(urls.map((url) => ({ url, weight: 2 })))],
      ['peers.yaml', (urls: string[]) => urls.map((url) => `- url: ${url}\n`).join('')],
    ] as const) {
      const path = folder.file(file);
      const replace = (text: string) => {
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      };
      replace(write([a!.url]));
      const sluice = await startSluice(configOf({ discovery: { file: path } }), { context });
      assert.equal(await ask(sluice), 'a');
      const load = startLoad(sluice.port, { context, thinkMs: 5, isExpected: () => true });
      replace(write([a!.url, b!.url]));
      await untilAnswers(sluice, 'a', 'b');
      replace(`${write([b!.url])}\n}{ - nonsense`);
      await until(() => count(sluice, broken) === 1, { what: 'it says so' });
      await untilAnswers(sluice, 'a', 'b');
      replace(write([b!.url]));
      await untilAnswers(sluice, 'b');
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.equal(count(sluice, broken), 1);
      await sluice.stop();
    }
  });

  it('obey the rules of the configuration, and say where they do not', async (context) => {
    const a = await startNamedOrigin(context, 'a');
    const folder = createTempDir(context);
    const path = folder.file('peers.yaml');
    const sluice = await startSluice(configOf({ discovery: { file: path } }), { context });
    assert.equal(await ask(sluice), '503');
    writeFileSync(path, `- ${a.url}\n- url: http://127.0.0.1:9002/path\n  wieght: 3\n`);
    const isAboutWeight = (event: Record<string, unknown>) => /wieght/.test(`${event['problems']}`);
    const event = await sluice.untilEvent(isAboutWeight, 'the problems of the file');
    const problems = (event['problems'] as string[]).join('\n');
    assert.match(problems, /peers\.yaml:2:\d+ {2}\[1\]\.url\n.*expected a peer URL/);
    assert.match(problems, /peers\.yaml:3:\d+ {2}\[1\]\.wieght\n.*did you mean 'weight'/);
    writeFileSync(path, `- ${a.url}\n`);
    await untilAnswers(sluice, 'a');
  });

  it('follow a volume that Kubernetes swaps', async (context) => {
    const [a, b] = await Promise.all(['a', 'b'].map((one) => startNamedOrigin(context, one)));
    const folder = createTempDir(context);
    const volume = (version: string, origin: NamedOrigin) => {
      mkdirSync(folder.file(version));
      writeFileSync(folder.file(`${version}/peers.yaml`), `- ${origin.url}\n`);
      symlinkSync(version, folder.file('..data_tmp'));
      renameSync(folder.file('..data_tmp'), folder.file('..data'));
    };
    volume('..2026_1', a!);
    symlinkSync('..data/peers.yaml', folder.file('peers.yaml'));
    const discovery = { file: folder.file('peers.yaml') };
    const sluice = await startSluice(configOf({ discovery }), { context });
    assert.equal(await ask(sluice), 'a');
    volume('..2026_2', b!);
    await untilAnswers(sluice, 'b');
  });

  it('come and go with the file that a reload names', async (context) => {
    const [a, b] = await Promise.all(['a', 'b'].map((one) => startNamedOrigin(context, one)));
    const folder = createTempDir(context);
    writeFileSync(folder.file('one.yaml'), `- ${a!.url}\n`);
    writeFileSync(folder.file('two.yaml'), `- ${b!.url}\n`);
    const of = (file: string) => configOf({ discovery: { file: folder.file(file) } });
    const sluice = await startSluice(of('one.yaml'), { context });
    const load = startLoad(sluice.port, { context, thinkMs: 5, isExpected: () => true });
    await sluice.reload(of('two.yaml'));
    await untilAnswers(sluice, 'b');
    writeFileSync(folder.file('two.yaml'), `- ${b!.url}\n- ${a!.url}\n`);
    await untilAnswers(sluice, 'a', 'b');
    unlinkSync(folder.file('one.yaml'));
    await sluice.reload(configOf({ peers: [a!.url] }));
    await untilAnswers(sluice, 'a');
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
});

async function peersOf(sluice: Sluice): Promise<{ url: string; origin: string }[]> {
  const { json } = await askApi(sluice.adminPort, 'GET /api/upstreams/app');
  return (json as { peers: { url: string; origin: string }[] }).peers;
}

async function urlOf(sluice: Sluice, host: string): Promise<string> {
  return (await peersOf(sluice)).find(({ url }) => url.includes(host))!.url;
}

async function originOf(sluice: Sluice, host: string): Promise<string> {
  return (await peersOf(sluice)).find(({ url }) => url.includes(host))!.origin;
}
