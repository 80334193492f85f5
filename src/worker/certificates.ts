// The certificates of this worker's listeners, read from files that are looked at now and then: changed ones
// are taken over at once, broken ones are told about while the last good ones stay in use.

import { stat } from 'node:fs/promises';
import type { Events } from '../core/events.ts';
import { messageOf } from '../std/message-of.ts';
import {
  type Certificate,
  type CertificateFiles,
  type CertificateSource,
  isExposed,
  readCertificate,
} from './listener/certificate.ts';

const LOOK_MS = 500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Renewal should have happened by then; certificates of a few days are given a quarter of their life. */
const WARN_BEFORE_MS = 14 * DAY_MS;

export interface CertificatesOptions {
  readonly events: Events;
  /** One worker tells about dates and permissions, not each. */
  readonly tells: boolean;
}

/** One listener's files. */
export class WatchedCertificates implements CertificateSource {
  current: readonly Certificate[];
  readonly #files: readonly CertificateFiles[];
  readonly #options: CertificatesOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #watchers = new Set<() => void>();
  /** Of the files of each certificate at the last look. */
  #stamps: readonly string[] | null = null;
  /** Those whose files have changed since they were read. */
  readonly #unread = new Set<CertificateFiles>();
  #isLooking = false;
  #isClosed = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  /** Throws an Error that says what is wrong with the files. */
  constructor(files: readonly CertificateFiles[], options: CertificatesOptions) {
    this.#files = files;
    this.#options = options;
    this.current = files.map(readCertificate);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
    this.#tell();
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** Nobody uses them any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#watchers.clear();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const stamps = await Promise.all(this.#files.map(stampOf));
    this.#isLooking = false;
    if (performance.now() - this.#warnedAtMs > HOUR_MS) this.#warn(performance.now());
    // The first look has nothing to compare with, and the files may have changed since they were read.
    const changed = this.#files.filter((_, at) => stamps[at] !== this.#stamps?.[at]);
    this.#stamps = stamps;
    for (const files of changed) this.#unread.add(files);
    if (changed.length > 0) this.#readAgain();
  }

  #readAgain(): void {
    const { events } = this.#options;
    // Hundreds may be listed, and one be renewed.
    const next = this.#files.map((files, at) => {
      const before = this.current[at]!;
      return this.#unread.has(files) ? this.#readOne(files, before) : before;
    });
    const changed = next.filter((one, at) => one !== this.current[at]);
    if (changed.length === 0) return;
    this.current = next;
    for (const watcher of [...this.#watchers]) watcher();
    if (!this.#options.tells) return;
    const fingerprints = changed.map(({ fingerprint }) => fingerprint);
    events.info({ fingerprints }, 'certificates are changed');
    this.#tell();
  }

  /** Returns what was `before` when nothing else can be used; it is the same object when nothing changed. */
  #readOne(files: CertificateFiles, before: Certificate): Certificate {
    try {
      const read = readCertificate(files);
      this.#unread.delete(files);
      return read.cert === before.cert && read.key === before.key ? before : read;
    } catch (error) {
      const reason = messageOf(error);
      const fields = { certFile: files.certFile, reason };
      this.#options.events.error(fields, 'certificates can not be used, the last good ones stay');
      return before;
    }
  }

  #tell(): void {
    if (!this.#options.tells) return;
    for (const { keyFile } of this.current) {
      if (!isExposed(keyFile)) continue;
      this.#options.events.warn({ keyFile }, 'others than its owner may read this key');
    }
    this.#warn(performance.now());
  }

  #warn(nowMs: number): void {
    this.#warnedAtMs = nowMs;
    if (!this.#options.tells) return;
    for (const certificate of this.current) {
      if (!isExpiring(certificate, Date.now())) continue;
      const { certFile, names, notAfterMs } = certificate;
      const expires = new Date(notAfterMs).toISOString();
      const message = notAfterMs < Date.now() ? 'certificate has expired' : 'certificate expires';
      this.#options.events.warn({ certFile, names, expires }, message);
    }
  }
}

/** Tells whether a certificate should have been renewed by now (Unix time in ms). */
export function isExpiring({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): boolean {
  return notAfterMs - nowMs < Math.min(WARN_BEFORE_MS, (notAfterMs - notBeforeMs) / 4);
}

async function stampOf({ certFile, keyFile }: CertificateFiles): Promise<string> {
  const names = certFile === keyFile ? [certFile] : [certFile, keyFile];
  const stamps = await Promise.all(
    names.map((name) =>
      stat(name).then(
        ({ ino, size, mtimeMs, ctimeMs }) => `${ino} ${size} ${mtimeMs} ${ctimeMs}`,
        () => 'gone',
      ),
    ),
  );
  return stamps.join();
}
