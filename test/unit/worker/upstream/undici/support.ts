// Options for tests of the undici transport: small bounds, and times that only a hang uses up.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { limits } from '../../../../../src/core/limits.ts';
import type { UndiciOptions } from '../../../../../src/worker/upstream/undici/options.ts';
import {
  createUndiciUpstream,
  type UndiciUpstream,
} from '../../../../../src/worker/upstream/undici/undici-upstream.ts';
import type { Cleanup } from '../../../../support/deadline.ts';

export const testOptions: UndiciOptions = {
  upstream: 'app',
  connectionsMax: 8,
  pendingMax: 8,
  pendingTimeoutMs: 60_000,
  keepAlive: { idleMs: 60_000, requestsMax: 1000, ageMs: 3_600_000 },
  timeouts: { connectMs: 60_000, headMs: 60_000, bodyIdleMs: 60_000 },
  responseHeadBytesMax: limits.responseHeadBytes,
  tls: { verify: true, ca: null, serverName: null },
};

export function startUpstream(
  context: Cleanup,
  options: Partial<UndiciOptions> = {},
): UndiciUpstream {
  const upstream = createUndiciUpstream({ ...testOptions, ...options });
  context.after(() => upstream.close());
  return upstream;
}

/** Waits the turns of the event loop that undici lets pass before it uses a connection again. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await nextTurn();
}
