// What the shared state costs per request. There is no switch to turn it off, so its parts are added up:
// the CPU time of the sidecar from /proc, and of the workers the share of CPU samples that lie below a
// function of src/channel (timers, encoding and the system calls that it makes included).

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { measureScenario, profileFolder, roleMedians } from '../measure.ts';
import { perfScenarioNamed } from '../scenarios.ts';
import { STUDY } from './scenario.ts';

/** CPU µs per request; `extraShare` is what the shared state adds to all the rest, 0–1. */
export interface SharedCost {
  readonly requestsPerSecond: number;
  readonly workerMicros: number;
  readonly channelMicros: number;
  readonly sidecarMicros: number;
  readonly extraShare: number;
}

interface ProfileNode {
  readonly id: number;
  readonly hitCount: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** Measures small requests through two workers, as many as they can do. */
export async function measureSharedCost(durationS: number): Promise<SharedCost> {
  rmSync(profileFolder, { recursive: true, force: true });
  const { run } = await measureScenario(
    perfScenarioNamed('small-get'),
    {
      scenarioNames: [],
      cores: STUDY.workers,
      rounds: 1,
      durationS,
      warmUpS: 3,
      connections: 64,
      rate: 0,
      profile: true,
      gc: false,
      compareFile: null,
      proxyFlags: [],
    },
    () => {},
  );
  const micros = (role: string): number =>
    roleMedians(run).find((each) => each.role === role)?.cpuMicrosPerWork ?? 0;
  const channelMicros = micros('worker') * channelShare();
  const shared = channelMicros + micros('sidecar');
  return {
    requestsPerSecond: run.rounds[0]?.perSecond ?? 0,
    workerMicros: micros('worker'),
    channelMicros,
    sidecarMicros: micros('sidecar'),
    extraShare: shared / (micros('worker') - channelMicros),
  };
}

/** Returns the share of the workers' busy samples that lie in or below src/channel. */
export function channelShare(folder = profileFolder): number {
  let busy = 0;
  let inChannel = 0;
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.cpuprofile'))) {
    const file = new URL(name, folder);
    const { nodes } = JSON.parse(readFileSync(file, 'utf8')) as { nodes: ProfileNode[] };
    if (!nodes.some(({ callFrame }) => callFrame.url.endsWith('/src/worker/serve.ts'))) continue;
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const walk = (node: ProfileNode, isBelow: boolean): void => {
      const isIn = isBelow || node.callFrame.url.includes('/src/channel/');
      if (node.callFrame.functionName !== '(idle)') busy += node.hitCount;
      if (isIn) inChannel += node.hitCount;
      for (const child of node.children ?? []) walk(byId.get(child)!, isIn);
    };
    walk(nodes[0]!, false);
  }
  if (busy === 0) throw new Error('no profile of a worker was left');
  return inChannel / busy;
}
