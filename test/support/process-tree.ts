// Who are the children of a process, read from /proc (Linux).

import { readFileSync } from 'node:fs';

/** Pids of the direct children that have not ended. */
export function childrenOf(pid: number): number[] {
  return readProc(pid, `task/${pid}/children`)
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .filter(isAlive);
}

/** What SLUICE_ROLE says about a process: primary has none. */
export function roleOf(pid: number): string | null {
  const variables = readProc(pid, 'environ').split('\0');
  const role = variables.find((variable) => variable.startsWith('SLUICE_ROLE='));
  return role === undefined ? null : role.slice('SLUICE_ROLE='.length);
}

/** False for a process that ended, zombies included. */
export function isAlive(pid: number): boolean {
  const stat = readProc(pid, 'stat');
  return stat !== '' && !/^\d+ \(.*\) [ZX]/s.test(stat);
}

/** Title of a process as `ps` shows it. */
export function titleOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, 'status'));
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** Kills a process and all its descendants at once; returns their pids. */
export function killTree(pid: number): number[] {
  // A pid of 0 or below would mean a group, or everybody.
  if (!Number.isInteger(pid) || pid <= 1) return [];
  const pids = [pid];
  for (let at = 0; at < pids.length; at += 1) pids.push(...childrenOf(pids[at] as number));
  for (const victim of pids) {
    try {
      process.kill(victim, 'SIGKILL');
    } catch {
      // Ended by itself meanwhile.
    }
  }
  return pids;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
