// Every filter on the contract of filters.

import { safeTargetPolicy } from '../../src/routing/target-policy.ts';
import { AddressSet } from '../../src/std/address-set.ts';
import { AccessFilter } from '../../src/worker/filter/access/check.ts';
import { AddressCheck, ClientsFilter } from '../../src/worker/filter/access/clients.ts';
import { Cors } from '../../src/worker/filter/access/cors.ts';
import { closeConnection } from '../../src/worker/filter/answer/close.ts';
import { Redirect } from '../../src/worker/filter/answer/redirect.ts';
import { Maintenance, Respond } from '../../src/worker/filter/answer/respond.ts';
import { AttackFilter } from '../../src/worker/filter/guard/attack-filter.ts';
import { attackRules } from '../../src/worker/filter/guard/attack-rules.ts';
import { RuleInspector } from '../../src/worker/filter/guard/inspector.ts';
import { RequestShapeFilter } from '../../src/worker/filter/guard/request-shape.ts';
import { ConcurrencyFilter } from '../../src/worker/filter/limit/concurrency.ts';
import { compileLimitKey } from '../../src/worker/filter/limit/limit-key.ts';
import {
  type RewriteSettings,
  RewriteTarget,
} from '../../src/worker/filter/rewrite/rewrite-target.ts';
import { makeFilter } from '../unit/worker/plugin/support.ts';
import { type FilterRow, filterContract } from './filters.contract.ts';

const page = () => Buffer.from('page');
const maintenance = { retryAfterMs: 60_000, contentType: 'text/plain' };

function rewriting(settings: Partial<RewriteSettings>): RewriteTarget {
  const query = { remove: [], set: {}, add: {}, append: {}, ...settings.query };
  const none = { stripPrefix: null, addPrefix: null, path: [] };
  return new RewriteTarget({ ...none, ...settings, query }, safeTargetPolicy);
}

const rows: readonly FilterRow[] = [
  {
    name: 'redirect',
    create: () => new Redirect({ to: 'https://{hostname}{path}{query}', status: 308 }),
    target: '/a?b',
    outcome: '308 https://example.com/a?b',
  },
  {
    name: 'redirect, to what the client says',
    create: () => new Redirect({ to: '{query.to}{header.x-a}{cookie.c}', status: 302 }),
    target: '/?to=/x%0d%0aset-cookie:%20a%3Db%22',
    outcome: '302 /x%0D%0Aset-cookie:%20a=b%22',
  },
  {
    name: 'respond',
    create: () => new Respond({ status: 410, headers: { 'X-Path': '{path} {query.a}' } }, page),
    outcome: '410',
  },
  {
    name: 'maintenance',
    create: () => new Maintenance({ ...maintenance, except: [] }, page),
    outcome: '503',
  },
  {
    name: 'maintenance, for others',
    create: () => new Maintenance({ ...maintenance, except: ['192.0.2.0/24'] }, page),
    outcome: 'passes /',
  },
  { name: 'close', create: () => closeConnection, outcome: 'closed' },
  {
    name: 'rewrite, prefixes',
    create: () => rewriting({ stripPrefix: '/api', addPrefix: '/v2' }),
    target: '/api/users?x=/api',
    outcome: 'passes /v2/users?x=/api',
  },
  {
    name: 'rewrite, a prefix that only looks like it',
    create: () => rewriting({ stripPrefix: '/api' }),
    target: '/apis',
    outcome: 'passes /apis',
  },
  {
    name: 'rewrite, expressions',
    create: () => rewriting({ path: [{ regex: '^/u/([^/]+)', to: '/users/{1}/{query.tab}' }] }),
    target: '/u/42?tab=a%3Fb',
    outcome: 'passes /users/42/a%3Fb?tab=a%3Fb',
  },
  {
    name: 'rewrite, to what the client says',
    create: () => rewriting({ path: [{ regex: '.*', to: '/files/{query.name}' }] }),
    target: '/?name=../../etc/passwd',
    outcome: 'bad_target',
  },
  {
    name: 'rewrite, query',
    create: () =>
      rewriting({
        query: {
          remove: ['utm_*'],
          set: { a: '{client}' },
          add: { b: '1', c: '2' },
          append: { d: 'x y' },
        },
      }),
    target: '/p?utm_source=1&a=0&c=%20&d&a=2',
    outcome: 'passes /p?c=%20&d&a=192.0.2.7&b=1&d=x%20y',
  },
  {
    name: 'clients',
    create: () => new ClientsFilter({ allow: null, deny: new AddressSet(['192.0.2.0/24']) }),
    outcome: 'forbidden',
  },
  {
    name: 'filter, by shape',
    create: () =>
      new RequestShapeFilter({
        methods: ['POST'],
        targetBytesMax: 100,
        deniedAgents: ['~^bad'],
        contentTypes: [],
      }),
    outcome: 'method_not_allowed',
  },
  {
    name: 'attacks',
    create: () =>
      new AttackFilter({
        route: 'r',
        inspector: new RuleInspector(attackRules),
        mode: 'block',
        threshold: 5,
        bodyBytes: 0,
        counters: { bodiesCut: 0 },
        events: { debug() {}, info() {}, warn() {}, error() {} },
        nowMs: () => 0,
      }),
    target: '/?q=%3Cscript%3E',
    outcome: 'forbidden',
  },
  {
    name: 'concurrency',
    create: () =>
      new ConcurrencyFilter([
        { name: 'c', max: 1, key: compileLimitKey('route'), running: new Map([['route', 1]]) },
      ]),
    outcome: 'too_many_requests',
  },
  {
    name: 'access',
    create: () =>
      new AccessFilter({
        checks: [new AddressCheck(new AddressSet(['10.0.0.0/8']))],
        satisfy: 'all',
        reserved: new Set(['x-a']),
      }),
    headers: ['x-a', 'forged'],
    outcome: 'forbidden',
  },
  {
    name: 'cors',
    create: () =>
      new Cors({
        origins: ['https://*.example.com'],
        methods: ['GET'],
        headers: [],
        exposeHeaders: [],
        credentials: true,
        maxAgeSeconds: 60,
      }),
    headers: ['origin', 'https://a.example.com'],
    outcome: 'passes /',
  },
  {
    name: 'plugin, that hands on what the client says',
    create: () =>
      makeFilter(
        (request) => {
          request.addHeader('x-query', request.query);
          request.setHeader('x-a', request.header('x-a') ?? '');
          request.path = `/in${request.path}`;
          request.query = request.queryValue('x') ?? '';
          return undefined;
        },
        { onError: 'pass' },
      ),
    target: '/a?x=1',
    outcome: 'passes /in/a?1',
  },
  {
    name: 'plugin, that answers what the client says',
    create: () =>
      makeFilter(({ path, query }) => ({ status: 302, headers: { location: `${path}?${query}` } })),
    target: '/a?x=1',
    outcome: '302 /a?x=1',
  },
  {
    name: 'plugin, by a promise',
    create: () =>
      makeFilter(async (request) => {
        await undefined;
        request.addHeader('x-a', request.query);
        if (request.path === '/refused') throw new Error('refused');
        return undefined;
      }),
    target: '/refused',
    outcome: 'plugin_failed',
  },
];

for (const row of rows) filterContract(row);
