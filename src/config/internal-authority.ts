// Where the local authority of `tls: internal` and its certificates lie, and what they are for: the sidecar
// writes these files, workers read them, `sluice trust` shows one.

import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** What is always meant by a server for development. */
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];

/** Where an authority keeps what. */
export interface AuthorityFiles {
  /** Its key and its certificate; nobody else's to read. */
  readonly authority: string;
  /** Its certificate alone, to be trusted by clients. */
  readonly root: string;
  /** Folder of the certificates that it issued for listeners. */
  readonly issued: string;
  /** Folder of those for names that clients asked for first; by name. */
  readonly asked: string;
}

/** One certificate that the local authority issues. */
export interface InternalCertificate {
  /** PEM file with key and certificate. */
  readonly file: string;
  /** DNS names and addresses. */
  readonly names: readonly string[];
  readonly lifeMs: number;
}

export interface InternalWish {
  /** Directory of all certificates that look after themselves. */
  readonly storage: string;
  /** DNS names and addresses. */
  readonly names: readonly string[];
  readonly lifeMs: number;
}

/** Returns the files of the local authority below `storage`. */
export function authorityFiles(storage: string): AuthorityFiles {
  const directory = join(storage, 'internal');
  return {
    authority: join(directory, 'authority.pem'),
    root: join(directory, 'root.pem'),
    issued: join(directory, 'issued'),
    asked: join(directory, 'asked'),
  };
}

/** Returns the names of a certificate: those asked for, hosts of routes, and what is always local. */
export function internalNames(names: readonly string[], hosts: readonly string[]): string[] {
  const all = [...names, ...hosts, ...LOCAL_NAMES];
  return [...new Set(all.map((name) => name.replace(/^\[|\]$/g, '')))];
}

/** Returns the certificate for a wish. Another wish is another file: nobody reads one for too few names. */
export function internalCertificate({ storage, names, lifeMs }: InternalWish): InternalCertificate {
  const identity = JSON.stringify([names, lifeMs]);
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  return { file: join(authorityFiles(storage).issued, `${digest}.pem`), names, lifeMs };
}
