// Where and with what a result was measured: without it a number means nothing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';

/** Servers lie where the PATH of ordinary users does not lead. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export interface Machine {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly commit: string;
}

/** Describes this machine and this commit of the project. */
export function describeMachine(): Machine {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  return {
    date: new Date().toISOString().slice(0, 10),
    kernel: release(),
    cpu: cpu?.[1] ?? 'unknown CPU',
    cores: availableParallelism(),
    commit: commit(),
  };
}

/** Returns the PATH of this process and the folders that servers are installed in. */
export function searchPath(): string {
  return [process.env['PATH'] ?? '', ...SYSTEM_FOLDERS].join(':');
}

/** Returns where `program` is installed; null when it is not. */
export function programPath(program: string): string | null {
  const found = searchPath()
    .split(':')
    .filter((folder) => folder !== '')
    .map((folder) => `${folder}/${program}`);
  return found.find((path) => existsSync(path)) ?? null;
}

/** Returns the first version number that `program args` prints; null when the program is missing. */
export function versionOf(program: string, args: readonly string[]): string | null {
  const ran = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 10_000,
    env: { ...process.env, PATH: searchPath() },
  });
  if (ran.error !== undefined) return null;
  return /\d+\.\d+(\.\d+)?/.exec(`${ran.stdout}${ran.stderr}`)?.[0] ?? 'unknown';
}

/** Throws, telling how to install them, when one of `programs` is missing. */
export function requirePrograms(programs: readonly string[]): void {
  const missing = programs.filter((each) => programPath(each) === null);
  if (missing.length > 0) {
    throw new Error(
      `missing: ${missing.join(', ')}; \`make debian\` and native-bench/install-peers install them`,
    );
  }
}

function commit(): string {
  const hash = git('rev-parse', '--short', 'HEAD');
  if (hash === '') return 'unknown';
  return git('status', '--porcelain', '--', 'src') === '' ? hash : `${hash} with changes`;
}

function git(...args: string[]): string {
  return spawnSync('git', args, { encoding: 'utf8' }).stdout?.trim() ?? '';
}
