// Keeps the certificates of `tls: internal` fresh, for all workers: they read the files that this writes.

import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuthorityFiles,
  authorityFiles,
  type InternalCertificate,
  internalCertificate,
} from '../../config/internal-authority.ts';
import type { Config } from '../../config/schema.ts';
import type { Events } from '../../core/events.ts';
import type { Cancel, Timers } from '../../std/timers.ts';
import { LocalAuthority } from './local-authority.ts';

/** Between two looks, at most; after a long sleep of the machine that is how late a renewal is. */
const LOOK_MS_MAX = 60_000;
/** Of the shortest life. */
const LOOKS_PER_LIFE = 10;

/** What this needs of a configuration. */
export type IssuingConfig = Pick<Config, 'listeners' | 'certificates'>;

export interface InternalCertificatesOptions {
  readonly events: Events;
  readonly timers: Timers;
}

interface Wishes {
  readonly files: AuthorityFiles;
  readonly wanted: readonly InternalCertificate[];
}

export class InternalCertificates {
  readonly #options: InternalCertificatesOptions;
  #authority: LocalAuthority | null = null;
  #wanted: readonly InternalCertificate[] = [];
  #cancel: Cancel = () => {};

  constructor(options: InternalCertificatesOptions) {
    this.#options = options;
  }

  /** Issues what is not there yet, so that workers find it; throws an Error when that can't be done. */
  prepare(config: IssuingConfig): void {
    const { files, wanted } = wishesOf(config);
    if (wanted.length === 0) return;
    const nowMs = this.#options.timers.wallMs();
    const authority = LocalAuthority.open(files, nowMs);
    for (const one of wanted) if (authority.needs(one, nowMs)) authority.issue(one, nowMs);
  }

  /** Keeps those of `config` fresh from now on, and no others. */
  follow(config: IssuingConfig): void {
    const { files, wanted } = wishesOf(config);
    this.#cancel();
    this.#wanted = wanted;
    this.#authority = null;
    if (wanted.length === 0) return;
    this.#renew(files);
    removeExpired(files.issued, this.#options.timers.wallMs());
    const lookMs = Math.min(LOOK_MS_MAX, ...wanted.map(({ lifeMs }) => lifeMs / LOOKS_PER_LIFE));
    const look = () => {
      this.#renew(files);
      this.#cancel = this.#options.timers.after(lookMs, look);
    };
    this.#cancel = this.#options.timers.after(lookMs, look);
  }

  close(): void {
    this.#cancel();
  }

  /** What fails is told and tried again at the next look: what is there is good for a while. */
  #renew(files: AuthorityFiles): void {
    const { events, timers } = this.#options;
    const nowMs = timers.wallMs();
    try {
      // Read once: a root that was replaced by hand takes a reload.
      this.#authority ??= LocalAuthority.open(files, nowMs);
      for (const one of this.#wanted) {
        if (!this.#authority.needs(one, nowMs)) continue;
        this.#authority.issue(one, nowMs);
        events.debug({ file: one.file, names: one.names }, 'internal certificate is renewed');
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      events.error({ reason }, 'internal certificates can not be renewed');
    }
  }
}

function wishesOf({ listeners, certificates: { storage } }: IssuingConfig): Wishes {
  const byFile = new Map<string, InternalCertificate>();
  for (const { tls } of listeners) {
    if (tls === null || tls.internal === null) continue;
    const one = internalCertificate({ storage, ...tls.internal });
    byFile.set(one.file, one);
  }
  return { files: authorityFiles(storage), wanted: [...byFile.values()] };
}

/** Those of names that nobody wants any more; another Sluice may want what is still good. */
function removeExpired(folder: string, nowMs: number): void {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.pem')) continue;
    const file = join(folder, name);
    try {
      const { validTo } = new X509Certificate(readFileSync(file));
      if (Date.parse(validTo) < nowMs) rmSync(file, { force: true });
    } catch {
      // Not ours to judge.
    }
  }
}
