// A private directory for one test, removed when it ends.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from './deadline.ts';

export interface TempDir {
  readonly path: string;
  /** Joins a file name to the directory. */
  file(name: string): string;
  remove(): void;
}

/** Creates an empty directory; with a `context` it is removed after the test. */
export function createTempDir(context?: Cleanup): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  const remove = () => rmSync(path, { recursive: true, force: true });
  context?.after(remove);
  return { path, file: (name) => join(path, name), remove };
}
