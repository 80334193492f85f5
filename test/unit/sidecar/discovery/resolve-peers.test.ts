// From answers of DNS to peers, with real packets from a name server of the test.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { limits } from '../../../../src/core/limits.ts';
import {
  createDnsQuestions,
  type DnsQuestions,
} from '../../../../src/sidecar/discovery/dns-query.ts';
import {
  type DnsSource,
  type LastAnswers,
  type Resolution,
  resolvePeers,
} from '../../../../src/sidecar/discovery/resolve-peers.ts';
import { startDnsServer } from '../../../support/dns-server.ts';

const host: DnsSource = { dns: 'app.internal:8080', scheme: 'http' };
const service: DnsSource = { dns: 'srv:_http._tcp.internal', scheme: 'http' };

async function start(context: TestContext) {
  const server = await startDnsServer(context);
  const ask = createDnsQuestions([server.address]);
  const last: LastAnswers = new Map();
  return { server, ask, look: (source: DnsSource) => resolvePeers(source, ask, last) };
}

function shown(resolution: Resolution): string[] {
  if (resolution.kind === 'nobody') return [`nobody: ${resolution.problem}`];
  const peers = resolution.peers.map(
    ({ url, weight, priority }) => `${url} ×${weight} p${priority}`,
  );
  return resolution.problem === null ? peers : [...peers, `but ${resolution.problem}`];
}

describe('a host name', () => {
  it('has its addresses of both families as peers, in one order, for the shortest TTL', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('app.internal', { addresses: ['10.0.0.2', '10.0.0.1', 'fd00::1'], ttl: 7 });
    const resolution = await look(host);
    assert.deepEqual(shown(resolution), [
      'http://10.0.0.1:8080 ×1 p0',
      'http://10.0.0.2:8080 ×1 p0',
      'http://[fd00::1]:8080 ×1 p0',
    ]);
    assert.equal(resolution.kind === 'peers' && resolution.ttlMs, 7000);
  });

  it('is asked for anew each time: no answer is remembered underneath', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('app.internal', { addresses: ['10.0.0.1'], ttl: 3600 });
    await look(host);
    server.zones.set('app.internal', { addresses: ['10.0.0.9'], ttl: 3600 });
    assert.deepEqual(shown(await look(host)), ['http://10.0.0.9:8080 ×1 p0']);
    assert.equal(server.count('A app.internal'), 2);
  });

  it('has no peers when it does not exist, or has no addresses', async (context) => {
    const { server, look } = await start(context);
    assert.deepEqual(shown(await look(host)), ['nobody: ENOTFOUND']);
    server.zones.set('app.internal', {});
    assert.deepEqual(shown(await look(host)), ['nobody: ENODATA']);
    server.zones.set('app.internal', { addresses: ['0.0.0.0', '::'] });
    assert.equal((await look(host)).kind, 'nobody');
  });

  it('loses the addresses of a family that is empty, and keeps those of one that fails', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('app.internal', { addresses: ['10.0.0.1', 'fd00::1'] });
    await look(host);
    server.moods.set('AAAA', 'servfail');
    assert.deepEqual(shown(await look(host)), [
      'http://10.0.0.1:8080 ×1 p0',
      'http://[fd00::1]:8080 ×1 p0',
      'but ESERVFAIL',
    ]);
    server.moods.clear();
    server.zones.set('app.internal', { addresses: ['10.0.0.1'] });
    assert.deepEqual(shown(await look(host)), ['http://10.0.0.1:8080 ×1 p0']);
    server.moods.set('AAAA', 'servfail');
    assert.deepEqual(shown(await look(host)), ['http://10.0.0.1:8080 ×1 p0', 'but ESERVFAIL']);
  });

  it('keeps all it had while nobody answers', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('app.internal', { addresses: ['10.0.0.1'] });
    await look(host);
    server.mood = 'refused';
    assert.deepEqual(shown(await look(host)), ['http://10.0.0.1:8080 ×1 p0', 'but EREFUSED']);
    server.mood = 'answer';
    server.zones.clear();
    assert.deepEqual(shown(await look(host)), ['http://10.0.0.1:8080 ×1 p0', 'but ENOTFOUND']);
  });

  it('gives up on a name server that hangs', async (context) => {
    const { server, look } = await start(context);
    server.mood = 'hang';
    assert.deepEqual(shown(await look(host)), ['nobody: ETIMEOUT']);
  });
});

describe('a service', () => {
  it('has the addresses of its targets as peers, by port, weight and tier', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('_http._tcp.internal', {
      services: [
        { target: 'a.internal', port: 9001, priority: 10, weight: 3 },
        { target: 'B.internal.', port: 9002, priority: 10, weight: 0 },
        { target: 'c.internal', port: 9003, priority: 65_535, weight: 7 },
      ],
    });
    server.zones.set('a.internal', { addresses: ['10.0.0.1', '10.0.0.2'] });
    server.zones.set('b.internal', { addresses: ['10.0.0.3'] });
    server.zones.set('c.internal', { addresses: ['10.0.0.4'] });
    assert.deepEqual(shown(await look(service)), [
      'http://10.0.0.1:9001 ×3 p0',
      'http://10.0.0.2:9001 ×3 p0',
      'http://10.0.0.3:9002 ×1 p0',
      'http://10.0.0.4:9003 ×7 p1',
    ]);
  });

  it('scales weights that are larger than those of peers', async (context) => {
    const { server, look } = await start(context);
    const weights = [65_535, 32_768, 1];
    const services = weights.map((weight, at) => ({ target: 'a.internal', port: at + 1, weight }));
    server.zones.set('_http._tcp.internal', { services });
    server.zones.set('a.internal', { addresses: ['10.0.0.1'] });
    const resolution = await look(service);
    const found = resolution.kind === 'peers' ? resolution.peers.map(({ weight }) => weight) : [];
    assert.deepEqual(found, [1000, 500, 1]);
  });

  it('keeps the names of its targets for https, because of their certificates', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('_http._tcp.internal', { services: [{ target: 'a.internal', port: 443 }] });
    const found = shown(await look({ ...service, scheme: 'https' }));
    assert.deepEqual(found, ['https://a.internal ×1 p0']);
  });

  it('has nobody when its target is the root, or there is none', async (context) => {
    const { server, look } = await start(context);
    server.zones.set('_http._tcp.internal', { services: [{ target: '.', port: 1 }] });
    assert.equal((await look(service)).kind, 'nobody');
    server.zones.set('_http._tcp.internal', {});
    assert.deepEqual(shown(await look(service)), ['nobody: ENODATA']);
  });

  it('says which target has no address, and goes on without it', async (context) => {
    const { server, look } = await start(context);
    const services = ['a', 'b'].map((name) => ({ target: `${name}.internal`, port: 80 }));
    server.zones.set('_http._tcp.internal', { services });
    server.zones.set('a.internal', { addresses: ['10.0.0.1'] });
    const found = shown(await look(service));
    assert.deepEqual(found, ['http://10.0.0.1 ×1 p0', 'but b.internal: ENOTFOUND']);
  });
});

it('takes only so many addresses', async () => {
  const records = Array.from({ length: 3000 }, (_, at) => {
    return { address: `10.0.${at >> 8}.${at & 255}`, ttl: 1 };
  });
  const ask: DnsQuestions = {
    addresses4: async () => ({ kind: 'found', records }),
    addresses6: async () => ({ kind: 'none', code: 'ENODATA' }),
    services: async () => ({ kind: 'none', code: 'ENODATA' }),
    cancel() {},
  };
  const resolution = await resolvePeers(host, ask, new Map());
  assert.equal(resolution.kind === 'peers' && resolution.peers.length, limits.discoveredPeersMax);
});
