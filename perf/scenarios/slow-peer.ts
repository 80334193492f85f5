// Many requests that wait for a peer that takes its time: what waiting costs.

import { type PerfScenario, smallGet, startScript, subjectOf } from '../scenario.ts';

const DELAY_MS = 100;

export const slowPeer: PerfScenario = {
  name: 'slow-peer',
  title: `GET 1 KiB from a peer that takes ${DELAY_MS} ms`,
  unit: 'request',
  connections: 256,
  load: smallGet,
  prepare: async (stage) => {
    const script = new URL('../peers/slow-origin.ts', import.meta.url);
    return subjectOf([await startScript(stage, script, { delayMs: DELAY_MS })]);
  },
};
