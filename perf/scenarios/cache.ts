// Answers from the cache, answers that go into it, and bodies that are compressed on their way.

import { type Load, type PerfScenario, plainSubject, smallGet } from '../scenario.ts';

const TAKES_GZIP = ['accept-encoding: gzip'];

function withRoute(
  route: object,
  name: string,
  title: string,
  load: Partial<Extract<Load, { kind: 'http' }>> = {},
): PerfScenario {
  return {
    ...{ name, title, unit: 'request', connections: 64 },
    load: { ...smallGet, ...load } as Load,
    prepare: async (stage) => {
      const subject = await plainSubject(stage);
      return { ...subject, routes: subject.routes.map((each) => ({ ...each, ...route })) };
    },
  };
}

const cache = { cache: true };
const page = { path: '/page.json', headers: TAKES_GZIP };

export const cacheScenarios: readonly PerfScenario[] = [
  withRoute(cache, 'cache-hit', 'GET 1 KiB from the cache'),
  withRoute(cache, 'cache-hit-64k', 'GET 64 KiB from the cache', { path: '/64k.bin' }),
  withRoute({ ...cache, compress: true }, 'cache-gzip', 'GET 64 KiB of JSON, gzip, cached', page),
  withRoute(cache, 'cache-miss', 'GET 1 KiB, another one each time, all stored', {
    isUnique: true,
  }),
  withRoute({ compress: true }, 'compress', 'GET 64 KiB of JSON, gzip on the fly', page),
];
