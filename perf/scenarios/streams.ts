// What stays open: WebSocket messages there and back, server-sent events to many.

import { startWebSocketOrigin } from '../../native-bench/harness/origin.ts';
import { type PerfScenario, startScript, subjectOf } from '../scenario.ts';

const EVENTS_PER_SECOND = 20;

export const streamScenarios: readonly PerfScenario[] = [
  {
    name: 'web-socket',
    title: 'WebSocket echo of 64 bytes',
    unit: 'message',
    connections: 64,
    load: { kind: 'web-socket', path: '/echo', messageBytes: 64 },
    prepare: async (stage) => {
      const origin = await startWebSocketOrigin(stage.workbench, stage.core);
      return subjectOf([origin.port]);
    },
  },
  {
    name: 'events',
    title: `server-sent events, ${EVENTS_PER_SECOND} a second to each of 500 clients`,
    unit: 'event',
    connections: 500,
    load: { kind: 'event', path: '/events' },
    prepare: async (stage) => {
      const script = new URL('../peers/event-origin.ts', import.meta.url);
      const orders = { eventsPerSecond: EVENTS_PER_SECOND };
      return subjectOf([await startScript(stage, script, orders)]);
    },
  },
];
