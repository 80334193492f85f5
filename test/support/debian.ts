// Programs that come from Debian's packages (nginx, haproxy, python3…). Missing ones fail loudly: a test
// that skips itself silently is a test that can't fail.

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

// Debian keeps servers in sbin, which is not always in a user's PATH.
const EXTRA_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Returns the absolute path of `command`; throws and names `make debian` when it is not installed. */
export function requireCommand(command: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(':').filter(Boolean), ...EXTRA_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, command);
    if (isExecutable(path)) return path;
  }
  throw new Error(`${command} is not installed: run \`make debian\` first (needs root and apt)`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
