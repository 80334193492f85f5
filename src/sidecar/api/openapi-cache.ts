// The part of the description of the admin API that is about the cache.

import { cacheCountNames } from '../../core/cache-link.ts';
import { purgeValueMax } from '../../core/purge-pages.ts';

const count = { type: 'integer', minimum: 0 };
const flag = { type: 'boolean' };
const value = (description: string) => ({
  ...{ type: 'string', description, minLength: 1, maxLength: purgeValueMax },
});

function record(properties: Readonly<Record<string, object>>): object {
  const required = Object.keys(properties);
  return { type: 'object', additionalProperties: false, required, properties };
}

const soft = { ...flag, description: 'To stale instead of away: it can be validated.' };

function purgeBy(name: string, schema: object): object {
  const properties = { [name]: schema, soft };
  return { type: 'object', additionalProperties: false, required: [name], properties };
}

const workerCounts = Object.fromEntries(
  cacheCountNames.map((name) => [name, name === 'diskWorks' ? flag : count]),
);

/** Schemas of what is sent and answered. */
export const cacheSchemas = {
  Purge: {
    oneOf: [
      purgeBy('url', value('All answers for this URL, as clients ask for it.')),
      purgeBy('prefix', value('All answers whose URL begins so.')),
      purgeBy('tag', value('All answers with this Surrogate-Key or Cache-Tag.')),
      purgeBy('all', { const: true }),
    ],
  },
  Purged: record({
    generation: { ...count, description: 'Number of the purge; later ones have higher numbers.' },
    workers: { ...count, description: 'Workers that have told that it holds.' },
  }),
  Cache: record({
    workers: {
      type: 'array',
      description: 'What each worker holds, and has done since it started; a second old at most.',
      items: record({ slot: count, ...workerCounts }),
    },
    disk: {
      ...record({
        path: { type: 'string' },
        isWorking: flag,
        ...{ entries: count, bytes: count, bytesMax: count, evicted: count, cleared: count },
      }),
      type: ['object', 'null'],
      description: 'The disk tier; null when there is none.',
    },
    leases: record({ running: count, waiting: count, passed: count }),
    purges: record({ generation: count, remembered: count }),
  }),
};

/** Makes the paths, with the helpers of the whole document. */
export function cachePaths(parts: {
  readonly answer: (description: string, schema: string, headers: object) => object;
  readonly jsonOf: (schema: string) => object;
  readonly problemsOf: (...statuses: number[]) => object;
}): Record<string, object> {
  const { answer, jsonOf, problemsOf } = parts;
  return {
    '/api/cache': {
      get: {
        operationId: 'getCache',
        summary: 'What the cache holds and has done.',
        responses: { 200: answer('The cache.', 'Cache', {}), ...problemsOf(403) },
      },
    },
    '/api/cache/purge': {
      post: {
        operationId: 'purge',
        summary: 'Takes answers out of the cache, or makes them stale.',
        requestBody: { required: true, content: jsonOf('Purge') },
        responses: {
          200: answer('It holds in every worker and on disk.', 'Purged', {}),
          ...problemsOf(400, 403, 413, 415, 422, 503),
        },
      },
    },
  };
}
