// Keeps the certificates of `tls: internal` fresh, for all workers: they read the files that this writes.

import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDnsName } from '../../config/addresses.ts';
import { addressOf } from '../../config/entry-points.ts';
import {
  type AuthorityFiles,
  authorityFiles,
  type InternalCertificate,
  internalCertificate,
} from '../../config/internal-authority.ts';
import type { Config } from '../../config/schema.ts';
import type { Events } from '../../core/events.ts';
import { messageOf } from '../../std/message-of.ts';
import type { Cancel, Timers } from '../../std/timers.ts';
import { LocalAuthority } from './local-authority.ts';

/** Between two looks, at most; after a long sleep of the machine that is how late a renewal is. */
const LOOK_MS_MAX = 60_000;
/** Of the shortest life. */
const LOOKS_PER_LIFE = 10;
/** Names that clients may ask for: whoever is there first gets one. */
const ASKED_MAX = 200;
/** They are names of files, with something behind. */
const ASKED_LENGTH_MAX = 200;

/** What this needs of a configuration. */
export type IssuingConfig = Pick<Config, 'listeners' | 'certificates'>;

export interface InternalCertificatesOptions {
  readonly events: Events;
  readonly timers: Timers;
}

interface Wishes {
  readonly files: AuthorityFiles;
  readonly wanted: readonly InternalCertificate[];
  /** Listeners by their address whose clients may ask for other names: life of these certificates in ms. */
  readonly asking: ReadonlyMap<string, number>;
}

interface Open extends Wishes {
  readonly authority: LocalAuthority;
}

export class InternalCertificates {
  readonly #options: InternalCertificatesOptions;
  /** Null while there is nothing to do, or no authority to be had. */
  #open: Open | null = null;
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
    const wishes = wishesOf(config);
    const { wanted } = wishes;
    this.#cancel();
    this.#open = null;
    if (wanted.length === 0) return;
    this.#renew(wishes);
    const lookMs = Math.min(LOOK_MS_MAX, ...wanted.map(({ lifeMs }) => lifeMs / LOOKS_PER_LIFE));
    const look = () => {
      this.#renew(wishes);
      this.#cancel = this.#options.timers.after(lookMs, look);
    };
    this.#cancel = this.#options.timers.after(lookMs, look);
  }

  /** Issues a certificate for a name that clients of a listener asked for; tells whether it is there now. */
  demand(listener: string, name: string): boolean {
    const lifeMs = this.#open?.asking.get(listener);
    if (this.#open === null || lifeMs === undefined) return false;
    if (!isDnsName(name) || name.length > ASKED_LENGTH_MAX) return false;
    const { authority, files } = this.#open;
    const wish = { file: join(files.asked, `${name}.pem`), names: [name], lifeMs };
    const nowMs = this.#options.timers.wallMs();
    try {
      if (!authority.needs(wish, nowMs)) return true;
      if (!existsSync(wish.file) && readdirSync(files.asked).length >= ASKED_MAX) return false;
      authority.issue(wish, nowMs);
      return true;
    } catch (error) {
      this.#complain(error);
      return false;
    }
  }

  close(): void {
    this.#cancel();
  }

  /** What fails is told and tried again at the next look: what is there is good for a while. */
  #renew(wishes: Wishes): void {
    const { events, timers } = this.#options;
    const nowMs = timers.wallMs();
    try {
      // Read once: a root that was replaced by hand takes a reload.
      this.#open ??= { ...wishes, authority: LocalAuthority.open(wishes.files, nowMs) };
      const { authority, files, wanted } = this.#open;
      for (const one of wanted) {
        if (!authority.needs(one, nowMs)) continue;
        authority.issue(one, nowMs);
        events.debug({ file: one.file, names: one.names }, 'internal certificate is renewed');
      }
      for (const folder of [files.issued, files.asked]) removeExpired(folder, nowMs);
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    const reason = messageOf(error);
    this.#options.events.error({ reason }, 'internal certificates can not be issued');
  }
}

function wishesOf({ listeners, certificates: { storage } }: IssuingConfig): Wishes {
  const byFile = new Map<string, InternalCertificate>();
  const asking = new Map<string, number>();
  for (const { host, port, tls } of listeners) {
    if (tls === null || tls.internal === null) continue;
    const one = internalCertificate({ storage, ...tls.internal });
    byFile.set(one.file, one);
    // Where others issue on demand, they alone do.
    const isOthers = (tls.automatic?.onDemand ?? null) !== null;
    if (!isOthers) asking.set(addressOf({ host, port }), tls.internal.lifeMs);
  }
  return { files: authorityFiles(storage), wanted: [...byFile.values()], asking };
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
