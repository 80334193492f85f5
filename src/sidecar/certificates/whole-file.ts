// Small files that several processes may write: readers never see half of one.

import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes a file at once: readers see all of it or what was before. */
export function writeWhole(file: string, text: string, mode: number): void {
  const temporary = temporaryOf(file);
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

/** Writes a file for its owner alone unless there is one: of several at a time, the first stays. */
export function writeOnce(file: string, text: string): void {
  const temporary = temporaryOf(file);
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function temporaryOf(file: string): string {
  return `${file}.${process.pid}.new`;
}
