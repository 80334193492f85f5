// How much resident memory the workers of a running proxy gain while a test streams through them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Cleanup } from './deadline.ts';
import type { Sluice } from './sluice.ts';

const MIB = 2 ** 20;
/** What garbage collection may leave behind in a worker on top of bounded buffers. */
const SLACK_BYTES = 80 * MIB;

/** Samples the workers' resident memory until the test ends; the result tells the growth of the largest in bytes. */
export function watchMemory(context: Cleanup, sluice: Sluice): () => number {
  const startBytes = residentBytes(sluice);
  let mostBytes = startBytes;
  const timer = setInterval(() => {
    mostBytes = Math.max(mostBytes, residentBytes(sluice));
  }, 20);
  context.after(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return Math.max(mostBytes, residentBytes(sluice)) - startBytes;
  };
}

/** Resident memory of the largest worker. */
export function residentBytes(sluice: Sluice): number {
  const sizes = sluice.workers().map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  });
  return Math.max(...sizes);
}

/** Prints the growth, and fails when it is more than slack. */
export function assertFlat(growthBytes: number, what: string, slackBytes = SLACK_BYTES): void {
  const growth = `${what}: a worker grew by ${(growthBytes / MIB).toFixed(1)} MiB`;
  console.log(growth);
  assert.ok(growthBytes < slackBytes, growth);
}
