// The scenarios of `make perf`.

import type { PerfScenario } from './scenario.ts';
import { cacheScenarios } from './scenarios/cache.ts';
import { growthScenarios } from './scenarios/growth.ts';
import { plainScenarios } from './scenarios/plain.ts';
import { slowPeer } from './scenarios/slow-peer.ts';
import { streamScenarios } from './scenarios/streams.ts';
import { tlsScenarios } from './scenarios/tls.ts';

export const perfScenarios: readonly PerfScenario[] = [
  ...plainScenarios,
  slowPeer,
  ...growthScenarios,
  ...streamScenarios,
  ...cacheScenarios,
  ...tlsScenarios,
];

/** Returns the scenario called `name`; throws with the list of names. */
export function perfScenarioNamed(name: string): PerfScenario {
  const found = perfScenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = perfScenarios.map((each) => each.name).join(', ');
  throw new Error(`unknown scenario ${name}; there are ${names}`);
}
