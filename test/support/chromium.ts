// Debian's Chromium without a window, which trusts the local authority in the way that `sluice trust` says.

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { authorityFiles } from '../../src/config/internal-authority.ts';
import type { Cleanup } from './deadline.ts';
import { requireCommand } from './debian.ts';
import { type ForeignServer, startForeignServer } from './foreign-server.ts';
import type { TempDir } from './temp-dir.ts';

const run = promisify(execFile);
/** Without them Chromium asks servers of its maker, which nobody is there to be. */
const QUIET = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--disable-dev-shm-usage', '--disable-default-apps', '--disable-extensions'],
];

/**
 * Starts Chromium with its home in `folder`, where `folder/state` is the storage of certificates of the
 * server that it is to trust. `args`: what it is to do, the address last.
 */
export async function startChromium(
  folder: TempDir,
  args: readonly string[],
  context: Cleanup,
): Promise<ForeignServer> {
  await trust(folder, authorityFiles(folder.file('state')).root);
  const all = [...QUIET, `--user-data-dir=${folder.file('profile')}`, ...args];
  const env = { HOME: folder.file('home') };
  return startForeignServer('chromium', all, { context, env });
}

/** In the store below the home of whoever runs Chromium. */
async function trust(folder: TempDir, root: string): Promise<void> {
  const store = folder.file('home/.pki/nssdb');
  mkdirSync(store, { recursive: true });
  const certutil = requireCommand('certutil');
  await run(certutil, ['-d', `sql:${store}`, '-N', '--empty-password']);
  await run(certutil, ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'sluice-local', '-i', root]);
}
