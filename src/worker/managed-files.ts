// Waits for certificates that the sidecar writes: it begins at the same time as the workers, and they must
// not open a listener without.

import { setTimeout as delay } from 'node:timers/promises';
import { readCertificate } from './listener/certificate.ts';

/** Shorter than the primary's patience with a configuration. */
const PATIENCE_MS = 6000;
const LOOK_MS = 25;

/**
 * Resolves when every file holds a certificate that is good by its dates; after a while also when one is
 * there that is not, because the sidecar may be gone. Rejects with an Error when one is still missing.
 */
export async function untilIssued(files: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (const file of files) {
    for (;;) {
      const state = stateOf(file);
      if (state === 'good') break;
      if (performance.now() > deadlineMs) {
        if (state === 'expired') break;
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
