// Requests and bodies of all sizes through one route to one peer.

import { browserHeaders } from '../../native-bench/load/browser-headers.ts';
import {
  type Load,
  type PerfScenario,
  plainSubject,
  smallGet,
  startScript,
  subjectOf,
} from '../scenario.ts';

const MEBIBYTE = 2 ** 20;
const uploadOrigin = new URL('../peers/upload-origin.ts', import.meta.url);

function plain(
  name: string,
  title: string,
  of: { connections?: number; load?: Partial<Load> } = {},
): PerfScenario {
  const load = { ...smallGet, ...of.load } as Load;
  const { connections = 64 } = of;
  return { name, title, unit: 'request', connections, load, prepare: plainSubject };
}

function upload(
  name: string,
  title: string,
  of: { connections: number; bodyBytes: number },
): PerfScenario {
  const { connections, bodyBytes } = of;
  return {
    ...plain(name, title, { connections, load: { method: 'POST', bodyBytes } }),
    prepare: async (stage) => subjectOf([await startScript(stage, uploadOrigin, {})]),
  };
}

export const plainScenarios: readonly PerfScenario[] = [
  plain('small-get', 'GET 1 KiB'),
  plain('browser-headers', 'GET 1 KiB with 15 browser header fields', {
    load: { headers: browserHeaders },
  }),
  plain('body-64k', 'GET 64 KiB', { load: { path: '/64k.bin' } }),
  plain('body-10m', 'GET 10 MiB', { connections: 8, load: { path: '/10m.bin' } }),
  upload('post-1k', 'POST 1 KiB', { connections: 64, bodyBytes: 1024 }),
  upload('post-10m', 'POST 10 MiB', { connections: 8, bodyBytes: 10 * MEBIBYTE }),
  plain('churn', 'GET 1 KiB, a new connection for every request', {
    load: { kind: 'churn', path: '/small' },
  }),
];
