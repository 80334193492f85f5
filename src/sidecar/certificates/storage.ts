// The directory in which keys, certificates and accounts are kept. Several instances may share it: what is
// written appears whole or not at all, and locks (file-lock) keep two from doing the same.

import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileLock, takeLock } from './file-lock.ts';

export class CertificateStorage {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Returns the text of a file, or null when it is not there. */
  async read(path: string): Promise<string | null> {
    try {
      return await readFile(path, 'latin1');
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** Writes a file that nobody else may read; whoever reads it gets all of it or what was there before. */
  async write(path: string, text: string): Promise<void> {
    const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      const file = await open(fresh, 'wx', 0o600);
      try {
        await file.writeFile(text, 'latin1');
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(fresh, path);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /** Waits until nobody else has the lock `name`, on this machine or another. */
  async lock(name: string, signal: AbortSignal): Promise<FileLock> {
    const folder = join(this.root, 'locks');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return takeLock(join(folder, `${name}.lock`), { signal });
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
