// The scenarios of cache and compression: answers that are there already, plain and compressed, answers that
// have to be fetched and kept (`PEER without cache` fetches the same and keeps nothing), and small requests
// beside others that take long.

import { LARGE_BODY_BYTES, PAGE_BYTES, plain, type Scenario, single } from './scenario.ts';

const cached: Scenario = {
  ...single,
  name: 'cache-hit',
  title: 'GET 1 KiB from the cache, 64 connections',
  variants: [{ ...plain, work: 'cache' }],
  rivals: ['nginx', 'varnish'],
};

const missed: Scenario = {
  ...cached,
  name: 'cache-miss',
  title: 'GET 1 KiB that is stored and never asked for again, 64 connections',
  isUnique: true,
  variants: [
    { ...plain, work: 'cache' },
    { ...plain, suffix: ' without cache' },
  ],
  rivals: ['nginx'],
};

export const cacheScenarios: readonly Scenario[] = [
  cached,
  {
    ...cached,
    name: 'cache-hit-64k',
    title: 'GET 64 KiB from the cache, 64 connections',
    path: '/64k.bin',
    responseBodyBytes: LARGE_BODY_BYTES,
  },
  {
    ...cached,
    name: 'cache-gzip',
    title: 'GET 64 KiB of JSON from the cache for clients that take gzip, 64 connections',
    path: '/page.json',
    headers: ['Accept-Encoding: gzip'],
    responseBodyBytes: PAGE_BYTES / 20,
    responseBytesMax: PAGE_BYTES / 2,
    variants: [{ ...plain, work: 'cache-gzip' }],
  },
  missed,
  {
    ...missed,
    name: 'cache-miss-2',
    title: 'GET 1 KiB that is stored and never asked for again, 64 connections, 2 workers',
    workers: 2,
    rivals: [],
  },
  {
    ...single,
    name: 'gzip-beside',
    title: 'GET 1 KiB, 500 a second, beside nothing and beside 1 MiB bodies that are compressed',
    kind: 'beside',
    connections: 16,
    variants: [
      { ...plain, work: 'gzip' },
      { ...plain, work: 'gzip', suffix: ' beside', beside: '/1m.json' },
    ],
    rivals: ['nginx'],
  },
];
