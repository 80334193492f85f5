// The admin API compared with its own description: every documented answer is brought about, has the
// documented shape and headers, and nothing else is answered. The primary is scripted.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { SidecarLink } from '../../../src/channel/client.ts';
import type { ChildToPrimary, SidecarRequest } from '../../../src/channel/control.ts';
import type { RequestOutcome } from '../../../src/channel/peer-change.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { readPurges } from '../../../src/core/purge-pages.ts';
import { Sidecar } from '../../../src/sidecar/sidecar.ts';
import { type ApiAnswer, type ApiRequest, askApi, peerPath } from '../../support/admin-api.ts';
import { until } from '../../support/deadline.ts';
import { type Components, schemaProblems } from '../../support/json-schema.ts';
import { serveAuthority } from '../../support/served-authority.ts';
import { noEvents } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const a = 'http://127.0.0.1:9001';
const b = 'https://[::1]';
const done: RequestOutcome = { kind: 'done', version: 3, isChanged: true };

interface Bench {
  readonly asked: SidecarRequest[];
  ask(line: string, request?: ApiRequest): Promise<ApiAnswer>;
}

/** A sidecar whose primary answers everything with `outcome`. */
async function start(
  context: TestContext,
  outcome: RequestOutcome = done,
  changes: object = {},
): Promise<Bench> {
  const asked: SidecarRequest[] = [];
  const send = (message: ChildToPrimary) => {
    if (message.type !== 'change-peers' && message.type !== 'reload') return;
    asked.push(message);
    setImmediate(() => void sidecar.receive({ type: 'answer', id: message.id, outcome }));
  };
  const runDirectory = createTempDir(context).path;
  const sidecar: Sidecar = new Sidecar({ runDirectory, events: noEvents, send });
  context.after(() => sidecar.stop());
  const config = parseConfig({
    cores: 1,
    upstreams: { app: { peers: [a, { url: b, weight: 2, zone: 'east' }] } },
    routes: [{ to: 'app' }],
    admin: { host: '127.0.0.1', port: 0 },
    ...changes,
  });
  await sidecar.receive({ type: 'configure', version: 3, config });
  await sidecar.receive({ type: 'activate', version: 3 });
  linkWorker(context, runDirectory).setStatus(3, false);
  const port = sidecar.admin.port!;
  return { asked, ask: (line, request) => askApi(port, line, request) };
}

/** A sidecar that has got a certificate for a.test. */
async function startWithAuthority(context: TestContext, mood: 'good' | 'bad'): Promise<Bench> {
  const { fake, settings } = await serveAuthority(context);
  const bench = await start(context, done, {
    listeners: [{ port: 0, tls: { automatic: { domains: ['a.test'] } } }],
    certificates: { storage: createTempDir(context).path, acme: { authorities: [settings] } },
  });
  const isThere = async () => {
    const { json } = await bench.ask('GET /api/certificates');
    return (json as { certificates: { state: string }[] }).certificates[0]?.state === 'valid';
  };
  await until(isThere, { what: 'a.test has a certificate', evidence: () => fake.asked.join('\n') });
  const problem = { type: 'serverInternal', status: 500 };
  if (mood === 'bad') fake.moods.problems = { 'new-order': [problem], revoke: [problem] };
  return bench;
}

/** The one worker: it knows all purges that it is told of. */
function linkWorker(context: TestContext, runDirectory: string): SidecarLink {
  const link: SidecarLink = new SidecarLink({
    ...{ runDirectory, slot: 0, onScrape: () => null },
    onConnectedChange: () => link.sendCache({ kind: 'purges-known', generation: 0 }),
    onCache: (message) => {
      if (message.kind !== 'purges') return;
      const generation = readPurges(message).at(-1)?.generation ?? 0;
      link.sendCache({ kind: 'purges-known', generation });
    },
  });
  context.after(() => link.close());
  return link;
}

const refusal = (
  reason: Extract<RequestOutcome, { kind: 'refused' }>['reason'],
): RequestOutcome => {
  return { kind: 'refused', reason, problems: ['because'] };
};
const failure = (isRefused: boolean): RequestOutcome => {
  return { kind: 'failed', who: 'worker 1', isRefused, problems: ['because'] };
};

interface Case {
  readonly operation: string;
  readonly status: number;
  readonly line: string;
  readonly request?: ApiRequest;
  readonly outcome?: RequestOutcome;
  /** Of the configuration. */
  readonly changes?: object;
  /** A certificate for `a.test` is kept, and its authority in this mood. */
  readonly authority?: 'good' | 'bad';
}

const list = '/api/upstreams/app/peers';
const foreign: ApiRequest = { headers: { origin: 'http://evil.example' } };
const large: ApiRequest = { body: { url: a, zone: 'x'.repeat(70_000) } };
const untyped: ApiRequest = { body: { weight: 1 }, headers: { 'content-type': 'text/plain' } };

/** Answers that all writes with a body have in common. */
function casesOfBodies(operation: string, line: string): Case[] {
  return [
    { operation, status: 400, line, request: { body: '{' } },
    { operation, status: 403, line, request: foreign },
    { operation, status: 413, line, request: large },
    { operation, status: 415, line, request: untyped },
    { operation, status: 422, line, request: { body: { wieght: 3 } } },
  ];
}

/** Answers of every change, by what the primary says. */
function casesOfOutcomes(operation: string, line: string, request: ApiRequest = {}): Case[] {
  const one = { operation, line, request };
  return [
    { ...one, status: 404, outcome: refusal('unknown-upstream') },
    { ...one, status: 404, outcome: refusal('unknown-peer') },
    { ...one, status: 412, outcome: refusal('tag') },
    { ...one, status: 422, outcome: failure(true) },
    { ...one, status: 503, outcome: failure(false) },
    { ...one, status: 503, outcome: refusal('stopping') },
  ];
}

const add = `POST ${list}`;
const alter = `PATCH ${peerPath('app', a)}`;
const remove = `DELETE ${peerPath('app', a)}`;
const shown = `GET ${peerPath('app', b)}`;
const reload = 'POST /api/reload';
const purge = 'POST /api/cache/purge';
const renew = 'POST /api/certificates/a.test/renew';
const revoke = 'POST /api/certificates/a.test/revoke';

/** A disk tier that cannot remember what is purged. */
const brokenDisk = {
  routes: [{ to: 'app', cache: true }],
  cache: { disk: { path: '/dev/null/cache' } },
};

const cases: readonly Case[] = [
  { operation: 'listUpstreams', status: 200, line: 'GET /api/upstreams' },
  { operation: 'listUpstreams', status: 403, line: 'GET /api/upstreams', request: foreign },
  { operation: 'getUpstream', status: 200, line: 'GET /api/upstreams/app' },
  { operation: 'getUpstream', status: 403, line: 'GET /api/upstreams/app', request: foreign },
  { operation: 'getUpstream', status: 404, line: 'GET /api/upstreams/toString' },
  { operation: 'getPeer', status: 200, line: shown },
  { operation: 'getPeer', status: 200, line: `GET ${peerPath('app', `app/${b}`)}` },
  { operation: 'getPeer', status: 200, line: `GET ${peerPath('app', 'HTTPS://[0::1]:443/')}` },
  { operation: 'getPeer', status: 403, line: shown, request: foreign },
  { operation: 'getPeer', status: 404, line: `GET ${peerPath('app', 'http://elsewhere')}` },
  { operation: 'getPeer', status: 404, line: `GET ${peerPath('nowhere', a)}` },
  { operation: 'addPeer', status: 201, line: add, request: { body: { url: b, weight: 7 } } },
  ...casesOfBodies('addPeer', add),
  ...casesOfOutcomes('addPeer', add, { body: { url: b } }),
  {
    ...{ operation: 'addPeer', status: 409, line: add, request: { body: { url: b } } },
    outcome: refusal('peer-exists'),
  },
  { operation: 'alterPeer', status: 200, line: alter, request: { body: { draining: true } } },
  ...casesOfBodies('alterPeer', alter),
  ...casesOfOutcomes('alterPeer', alter, { body: { weight: 7 } }),
  { operation: 'removePeer', status: 204, line: remove },
  { operation: 'removePeer', status: 403, line: remove, request: foreign },
  ...casesOfOutcomes('removePeer', remove),
  { operation: 'removePeer', status: 409, line: remove, outcome: refusal('last-peer') },
  { operation: 'reload', status: 200, line: reload },
  { operation: 'reload', status: 200, line: reload, request: { body: {} } },
  { operation: 'reload', status: 403, line: reload, request: foreign },
  { operation: 'reload', status: 415, line: reload, request: untyped },
  { operation: 'reload', status: 422, line: reload, outcome: refusal('invalid') },
  { operation: 'reload', status: 422, line: reload, outcome: failure(true) },
  { operation: 'reload', status: 503, line: reload, outcome: failure(false) },
  { operation: 'getCache', status: 200, line: 'GET /api/cache' },
  { operation: 'getCache', status: 200, line: 'GET /api/cache', changes: brokenDisk },
  { operation: 'getCache', status: 403, line: 'GET /api/cache', request: foreign },
  { operation: 'purge', status: 200, line: purge, request: { body: { tag: 'a', soft: true } } },
  ...casesOfBodies('purge', purge),
  {
    ...{ operation: 'purge', status: 503, line: purge, request: { body: { all: true } } },
    changes: brokenDisk,
  },
  { operation: 'getCertificates', status: 200, line: 'GET /api/certificates' },
  {
    ...{ operation: 'getCertificates', status: 200, authority: 'good' },
    line: 'GET /api/certificates',
  },
  { operation: 'getCertificates', status: 403, line: 'GET /api/certificates', request: foreign },
  { operation: 'renewCertificate', status: 200, line: renew, authority: 'good' },
  { operation: 'renewCertificate', status: 403, line: renew, request: foreign },
  { operation: 'renewCertificate', status: 404, line: renew },
  { operation: 'renewCertificate', status: 415, line: renew, request: untyped },
  { operation: 'renewCertificate', status: 503, line: renew, authority: 'bad' },
  ...casesOfBodies('revokeCertificate', revoke),
  { operation: 'revokeCertificate', status: 200, line: revoke, authority: 'good' },
  { operation: 'revokeCertificate', status: 404, line: revoke },
  {
    ...{ operation: 'revokeCertificate', status: 503, line: revoke, authority: 'bad' },
    request: { body: { reason: 'superseded' } },
  },
  { operation: 'getDescription', status: 200, line: 'GET /api/openapi.json' },
  { operation: 'getDescription', status: 403, line: 'GET /api/openapi.json', request: foreign },
];

interface Documented {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: { readonly 'application/json': { readonly schema: Record<string, unknown> } };
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Documented>>;
  readonly requestBody?: { readonly content: Required<Documented>['content'] };
}
interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation | unknown[]>>>>;
  readonly components: { readonly schemas: Components };
}

async function describeIt(context: TestContext) {
  const { ask } = await start(context);
  const document = (await ask('GET /api/openapi.json')).json as Description;
  const operations = new Map<string, { method: string; path: string; operation: Operation }>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (Array.isArray(operation)) continue;
      operations.set((operation as Operation).operationId, {
        ...{ method: method.toUpperCase(), path, operation: operation as Operation },
      });
    }
  }
  return { document, operations };
}

describe('the description of the admin API', () => {
  it('documents exactly what is tried here', async (context) => {
    const { document, operations } = await describeIt(context);
    assert.match(document.openapi, /^3\.1\./);
    const documented = [...operations].flatMap(([id, { operation }]) =>
      Object.keys(operation.responses).map((status) => `${id} ${status}`),
    );
    const tried = new Set(cases.map(({ operation, status }) => `${operation} ${status}`));
    assert.deepEqual([...tried].sort(), documented.sort());
  });

  for (const { operation: id, status, line, request, outcome, changes, authority } of cases) {
    const why = outcome === undefined || outcome.kind === 'done' ? '' : ` (${outcome.kind})`;
    it(`holds for ${id} ${status}${why}`, async (context) => {
      const { operations, document } = await describeIt(context);
      const { method, path, operation } = operations.get(id)!;
      const shape = new RegExp(`^${method} ${path.replace(/\{\w+\}/g, '[^/]+')}$`);
      assert.match(line, shape);
      const { ask } =
        authority === undefined
          ? await start(context, outcome, changes)
          : await startWithAuthority(context, authority);
      const answer = await ask(line, request);
      assert.equal(answer.status, status, answer.text);
      const { headers = {}, content } = operation.responses[String(status)]!;
      for (const name of Object.keys(headers)) {
        assert.ok(answer.headers[name.toLowerCase()], `${name} is missing`);
      }
      if (content === undefined) return assert.equal(answer.text, '');
      assert.equal(answer.headers['content-type'], 'application/json');
      const { schema } = content['application/json'];
      assert.deepEqual(schemaProblems(answer.json, schema, document.components.schemas), []);
      if (status >= 400) assert.equal((answer.json as { status: number }).status, status);
    });
  }

  it('describes bodies as the schema reads them', async (context) => {
    const { operations, document } = await describeIt(context);
    const isDescribed = (id: string, body: unknown) => {
      const { requestBody } = operations.get(id)!.operation;
      const { schema } = requestBody!.content['application/json'];
      return schemaProblems(body, schema, document.components.schemas).length === 0;
    };
    const { ask } = await start(context);
    const bodies: [string, string, object][] = [
      ['addPeer', add, { url: b }],
      ['addPeer', add, { url: b, weight: 1000, priority: 3, zone: 'z', connectionsMax: 9 }],
      ['addPeer', add, { url: b, backup: true, draining: false }],
      ['addPeer', add, { url: b, weight: 1001 }],
      ['addPeer', add, { url: b, weight: 0.5 }],
      ['addPeer', add, { weight: 1 }],
      ['addPeer', add, { url: b, nonsense: 1 }],
      ['addPeer', add, []],
      ['alterPeer', alter, { weight: 2, zone: null }],
      ['alterPeer', alter, {}],
      ['alterPeer', alter, { url: b }],
      ['alterPeer', alter, { draining: 'yes' }],
    ];
    for (const [id, line, body] of bodies) {
      const { status } = await ask(line, { body });
      assert.equal(
        isDescribed(id, body),
        status < 300,
        `${line} ${JSON.stringify(body)}: ${status}`,
      );
    }
  });
});

describe('the admin API', () => {
  it('asks the primary for exactly what was wished', async (context) => {
    const { ask, asked } = await start(context);
    const headers = { 'if-match': '"x"' };
    await ask(add, { body: { url: 'HTTPS://[0::1]:443/', backup: true }, headers });
    await ask(`PATCH ${peerPath('app', `app/${a}`)}`, { body: { weight: 9 } });
    await ask(remove, { headers });
    const peer = {
      ...{ url: b, weight: 1, priority: 1, connectionsMax: 0, zone: null, draining: false },
    };
    assert.deepEqual(
      asked.map((one) => (one.type === 'reload' ? one : [one.upstream, one.change, one.ifMatch])),
      [
        ['app', { kind: 'add', peer }, '"x"'],
        ['app', { kind: 'alter', url: a, change: { weight: 9 } }, null],
        ['app', { kind: 'remove', url: a }, '"x"'],
      ],
    );
  });

  it('says everything that is wrong with a body, with its place', async (context) => {
    const { ask, asked } = await start(context);
    const { json } = await ask(add, { body: { url: 'ftp://x', wieght: 3, priority: -1 } });
    const { code, problems } = json as {
      code: string;
      problems: { path: string; message: string }[];
    };
    assert.equal(code, 'invalid');
    assert.deepEqual(problems.map(({ path }) => path).sort(), ['priority', 'url', 'wieght']);
    assert.match(problems.find(({ path }) => path === 'wieght')!.message, /did you mean 'weight'/);
    assert.deepEqual(asked, []);
  });

  it('answers other methods and paths with what there is', async (context) => {
    const { ask } = await start(context);
    const put = await ask('PUT /api/upstreams/app');
    assert.deepEqual([put.status, put.headers['allow']], [405, 'GET, HEAD']);
    const peer = await ask(`POST ${peerPath('app', a)}`, { body: {} });
    assert.deepEqual([peer.status, peer.headers['allow']], [405, 'GET, HEAD, PATCH, DELETE']);
    for (const path of ['/api/', '/api/upstreams/', '/api/upstreams/app/peers/%E0%A4%A/x']) {
      assert.equal((await ask(`GET ${path}`)).status, 404, path);
    }
    assert.equal((await ask('GET /api/upstreams/%zz')).status, 404);
    const { json } = await ask('GET /api/nothing');
    assert.equal((json as { code: string }).code, 'not_found');
  });

  it('lets a connection go on after a refused body', async (context) => {
    const { ask } = await start(context);
    const refused = await ask(add, { ...large, headers: { connection: 'keep-alive' } });
    assert.equal(refused.status, 413);
    assert.notEqual(refused.headers['connection'], 'close');
  });
});
