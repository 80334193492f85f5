// Waits for certificates that the sidecar writes: it begins at the same time as the workers, and they must
// not open a listener without.

import { setTimeout as delay } from 'node:timers/promises';
import { readCertificate } from './listener/certificate.ts';

/** Shorter than the primary's patience with a reload, and with a worker that starts. */
const RELOAD_MS = 6000;
const BOOT_MS = 25_000;
const LOOK_MS = 25;

/**
 * Resolves when every file holds a certificate that is good by its dates; after a while also when one is
 * there that is not, because the sidecar may be gone. Rejects with an Error when one is still missing;
 * `isBoot`: the sidecar is starting, too.
 */
export async function untilIssued(files: readonly string[], isBoot: boolean): Promise<void> {
  const startedAtMs = performance.now();
  for (const file of files) {
    for (;;) {
      const state = stateOf(file);
      if (state === 'good') break;
      const waitedMs = performance.now() - startedAtMs;
      if (state === 'expired' && waitedMs > RELOAD_MS) break;
      if (waitedMs > (isBoot ? BOOT_MS : RELOAD_MS)) {
        throw new Error(`no certificate came from the sidecar: '${file}'`);
      }
      await delay(LOOK_MS);
    }
  }
}

function stateOf(file: string): 'good' | 'expired' | 'missing' {
  try {
    const { notAfterMs } = readCertificate({ certFile: file, keyFile: file });
    return notAfterMs > Date.now() ? 'good' : 'expired';
  } catch {
    return 'missing';
  }
}
