// What Node tells about its processes: pauses by role and span, delays from the admin address.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pausesOf, readLoopDelays, worstDelays } from '../../../perf/runtime.ts';

describe('pausesOf', () => {
  const records = [
    {
      pid: 1,
      role: 'worker',
      pauses: [
        [900, 50],
        [1100, 2],
        [1900, 4],
        [2500, 60],
      ] as const,
    },
    { pid: 2, role: 'worker', pauses: [[1500, 6]] as const },
    { pid: 3, role: 'sidecar', pauses: [] },
  ];
  const spans = [{ fromMs: 1000, toMs: 2000 }];

  it('counts pauses within the measured spans only', () => {
    const pauses = pausesOf(records, 'worker', spans);
    assert.deepEqual(pauses, { perSecond: 3, share: 0.006, p99Ms: 6, mostMs: 6 });
  });

  it('tells none from unknown', () => {
    assert.equal(pausesOf(records, 'sidecar', spans)?.perSecond, 0);
    assert.equal(pausesOf(records, 'primary', spans), null);
  });
});

describe('readLoopDelays', () => {
  it('takes the worst process of each role', () => {
    const page = [
      '# TYPE sluice_process_event_loop_delay_seconds gauge',
      'sluice_process_event_loop_delay_seconds{role="worker",worker="0",quantile="0.99"} 0.002',
      'sluice_process_event_loop_delay_seconds{role="worker",worker="1",quantile="0.99"} 0.004',
      'sluice_process_event_loop_delay_seconds{role="worker",worker="0",quantile="1"} 1.5e-2',
      'sluice_process_event_loop_delay_seconds{role="sidecar",quantile="1"} 0',
    ].join('\n');
    assert.deepEqual(readLoopDelays(page), {
      worker: { p99Ms: 4, mostMs: 15 },
      sidecar: { p99Ms: 0, mostMs: 0 },
    });
  });

  it('keeps the worst of all rounds', () => {
    const rounds = [{ worker: { p99Ms: 1, mostMs: 9 } }, { worker: { p99Ms: 2, mostMs: 3 } }];
    assert.deepEqual(worstDelays(rounds), { worker: { p99Ms: 2, mostMs: 9 } });
  });
});
