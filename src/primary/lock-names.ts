// Where the lock of a host and port lives: on Linux a unix socket in the abstract namespace, which is
// gone with its process and, like ports, belongs to the network namespace; elsewhere a socket file.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names locks for one kind of system. A key is `port/host`, with `*` for every address. */
export interface LockNames {
  /** Returns what `net.listen({ path })` takes. */
  path(key: string): string;
  /** Returns the keys that are held, or seem to be, for `port`, by anybody. */
  held(port: number): string[];
  /** Removes what a dead owner left behind; called only after nobody answered at that path. */
  removeStale(key: string): void;
}

/** Locks of this system. */
export function systemLockNames(): LockNames {
  if (process.platform === 'linux') return abstractLockNames('sluice-lock');
  return fileLockNames(join(tmpdir(), 'sluice-locks'));
}

/** Locks in Linux's abstract namespace, below `prefix`. */
export function abstractLockNames(prefix: string): LockNames {
  return {
    path: (key) => `\0${prefix}/${key}`,
    held(port) {
      const start = `@${prefix}/${port}/`;
      const keys = new Set<string>();
      for (const line of readLines('/proc/net/unix')) {
        const name = line.slice(line.lastIndexOf(' ') + 1);
        if (name.startsWith(start)) keys.add(name.slice(prefix.length + 2));
      }
      return [...keys];
    },
    removeStale() {},
  };
}

/** Locks as socket files in `directory`, which every user may write to. */
export function fileLockNames(directory: string): LockNames {
  const fileName = (key: string) => encodeURIComponent(key);
  return {
    path(key) {
      mkdirSync(directory, { recursive: true, mode: 0o1777 });
      return join(directory, fileName(key));
    },
    held(port) {
      try {
        const keys = readdirSync(directory).map((name) => decodeURIComponent(name));
        return keys.filter((key) => key.startsWith(`${port}/`));
      } catch {
        return [];
      }
    },
    removeStale: (key) => rmSync(join(directory, fileName(key)), { force: true }),
  };
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n');
  } catch {
    return [];
  }
}
