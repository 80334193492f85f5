// Loaded into every process of Sluice by `node --import` when perf/run.ts asks for it: remembers every
// pause for garbage collection and writes them, when the process ends, into BENCH_GC_FOLDER.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';

/** One process' pauses: when each began, in milliseconds since 1970, and how long it took. */
export interface GcRecord {
  readonly pid: number;
  readonly role: string;
  readonly pauses: readonly (readonly [atMs: number, pauseMs: number])[];
}

/** More than a long run has; what comes later is not worth the memory. */
const PAUSES_MAX = 200_000;

const folder = process.env['BENCH_GC_FOLDER'];
if (folder !== undefined) record(folder);

function record(into: string): void {
  const pauses: [number, number][] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      if (pauses.length < PAUSES_MAX) pauses.push([performance.timeOrigin + startTime, duration]);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  process.once('exit', () => {
    const role = process.env['SLUICE_ROLE'] ?? 'primary';
    const found: GcRecord = { pid: process.pid, role, pauses };
    writeFileSync(join(into, `${process.pid}.json`), JSON.stringify(found));
  });
}
