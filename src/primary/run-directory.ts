// The private directory in which the sidecar's socket lives: readable by nobody else, gone at exit.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../std/message-of.ts';

/** Longest path of the directory in bytes: a unix socket address has 104 (macOS) or 108 (Linux). */
const PATH_BYTES_MAX = 80;

export interface RunDirectory {
  readonly path: string;
  remove(): void;
}

/**
 * Makes a new directory with mode 0700 in XDG_RUNTIME_DIR or the system's temporary directory. Throws
 * when neither can be written. Killed with SIGKILL, a primary leaves it behind, empty but for a socket.
 */
export function createRunDirectory(environment: NodeJS.ProcessEnv): RunDirectory {
  const path = makeFirst([environment['XDG_RUNTIME_DIR'], tmpdir(), '/tmp']);
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    path,
    remove() {
      process.off('exit', remove);
      remove();
    },
  };
}

function makeFirst(parents: (string | undefined)[]): string {
  const failures: string[] = [];
  for (const parent of parents) {
    if (parent === undefined || parent === '') continue;
    const prefix = join(parent, 'sluice-');
    if (Buffer.byteLength(prefix) > PATH_BYTES_MAX) {
      failures.push(`${parent}: the path is too long for a unix socket`);
      continue;
    }
    try {
      const path = mkdtempSync(prefix);
      chmodSync(path, 0o700);
      return path;
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new Error(`no place for the run directory: ${failures.join('; ')}`);
}
