// Reads from /proc what processes cost: CPU time and memory per process of a tree, and how busy a core
// was with anybody's work. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

/** What one process has used so far. */
export interface ProcessUse {
  readonly pid: number;
  /** `primary`, `sidecar` or `worker`; other programs' processes are `main` and `child`. */
  readonly role: string;
  readonly cpuMicros: number;
  /** Time in which its main thread could have run, but somebody else had the core. */
  readonly waitedMicros: number;
  readonly residentBytes: number;
  /** The most it ever had in memory. */
  readonly peakBytes: number;
}

/** Time of one core so far, in clock ticks of 10 ms, apart by who had it. */
export interface CoreTicks {
  readonly busy: number;
  readonly steal: number;
  readonly total: number;
}

export const TICK_MICROS = 10_000;
const PAGE_BYTES = 4096;

/** Returns the processes of the tree below and with `rootPid`; those that vanish meanwhile are left out. */
export function processTree(rootPid: number): ProcessUse[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const fields = statFields(Number(entry));
    if (fields !== null) parents.set(Number(entry), Number(fields[1]));
  }
  const tree: ProcessUse[] = [];
  for (const pid of parents.keys()) {
    if (isBelow(pid, rootPid, parents)) {
      const use = processUse(pid, rootPid);
      if (use !== null) tree.push(use);
    }
  }
  return tree;
}

/** Returns the CPU time in microseconds of children this process has waited for, e.g. finished load runs. */
export function reapedChildrenMicros(): number {
  const fields = statFields(process.pid);
  if (fields === null) return 0;
  return (Number(fields[13]) + Number(fields[14])) * TICK_MICROS;
}

/** Returns how busy `core` has been since boot. */
export function coreTicks(core: number): CoreTicks {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`/proc/stat knows no core ${core}`);
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  const steal = ticks[7] ?? 0;
  return { busy: total - steal - (ticks[3] ?? 0) - (ticks[4] ?? 0), steal, total };
}

/** Returns what `pid` has used, or null when it is gone. */
function processUse(pid: number, rootPid: number): ProcessUse | null {
  const fields = statFields(pid);
  if (fields === null) return null;
  const threads = threadTimes(pid);
  return {
    pid,
    role: roleOf(pid, rootPid),
    cpuMicros: threads?.cpuMicros ?? (Number(fields[11]) + Number(fields[12])) * TICK_MICROS,
    waitedMicros: threads?.waitedMicros ?? 0,
    residentBytes: Number(fields[21]) * PAGE_BYTES,
    peakBytes: peakBytes(pid),
  };
}

function peakBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Reads run time from schedstat: the same clock as utime + stime, without the 10 ms grain. */
function threadTimes(pid: number): { cpuMicros: number; waitedMicros: number } | null {
  try {
    let cpuNanos = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      cpuNanos += Number(schedstat(`${pid}/task/${thread}`)[0]);
    }
    return { cpuMicros: cpuNanos / 1000, waitedMicros: Number(schedstat(`${pid}`)[1]) / 1000 };
  } catch {
    return null;
  }
}

/** Returns nanoseconds run, nanoseconds waited for a core, turns taken. */
function schedstat(task: string): string[] {
  return readFileSync(`/proc/${task}/schedstat`, 'utf8').split(' ');
}

/** Returns the fields of /proc/PID/stat from the third (state) on, or null. */
function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function isBelow(pid: number, rootPid: number, parents: Map<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
    if (at === rootPid) return true;
  }
  return false;
}

/** Sluice's processes carry their role in their title, e.g. `sluice: worker 0`. */
function roleOf(pid: number, rootPid: number): string {
  try {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    const role = /^sluice: (\w+)/.exec(title)?.[1];
    if (role !== undefined) return role;
  } catch {
    // Gone, or not ours to read: the place in the tree must do.
  }
  return pid === rootPid ? 'main' : 'child';
}
