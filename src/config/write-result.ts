// The other end of run-script: writes the result to file descriptor 3 and ends the process.

import { writeSync } from 'node:fs';

/** Writes `result` as JSON, and exits. */
export function writeResult(result: unknown): never {
  const bytes = Buffer.from(JSON.stringify(result));
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(3, bytes, offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
  process.exit(0);
}
