// Every address that a configuration listens on: the listeners it names, and those that only redirect to
// them.

import { certificateFile, certificateFolder, placeholderFile } from './certificate-files.ts';
import { authorityFiles, internalCertificate } from './internal-authority.ts';
import type { Config, ListenerConfig } from './schema.ts';

/** A listener with the files of all its certificates, or the port of one that sends everybody to it. */
export interface EntryPoint extends Omit<ListenerConfig, 'name' | 'tls'> {
  readonly name: string;
  readonly tls: EntryTls | null;
  /** Port of the listener with TLS that all requests are sent to; null: they are served. */
  readonly redirectsTo: number | null;
}

/** TLS of an address, with the files of all its certificates. */
export interface EntryTls extends Omit<NonNullable<ListenerConfig['tls']>, 'redirectFrom'> {
  /** Files among those of the certificates that the sidecar writes: they may not be there yet. */
  readonly managedFiles: readonly string[];
  /** Where proofs for authorities lie; null when none will look for any here. */
  readonly proofStorage: string | null;
  /** Where certificates lie for names that clients ask for first; null when there are none. */
  readonly demandedFolder: string | null;
}

/** Lists the addresses of `config`, redirecting ones behind their target. */
export function entryPoints({
  listeners,
  certificates,
}: Pick<Config, 'listeners' | 'certificates'>): EntryPoint[] {
  return listeners.flatMap((listener) => {
    const tls = entryTls(listener, certificates.storage);
    const served: EntryPoint = { ...listener, tls, redirectsTo: null };
    const port = listener.tls?.redirectFrom ?? null;
    if (port === null) return [served];
    const redirecting: EntryPoint = {
      name: `redirect-${port}`,
      host: listener.host,
      port,
      engine: 'uws',
      http2: false,
      tls: null,
      proxyFrom: [],
      redirectsTo: listener.port,
    };
    return [served, redirecting];
  });
}

/** Names the address of a listener, in a configuration and to others of this Sluice. */
export function addressOf({ host, port }: Pick<EntryPoint, 'host' | 'port'>): string {
  return `${host ?? '*'} ${port}`;
}

function entryTls({ tls }: ListenerConfig, storage: string): EntryTls | null {
  if (tls === null) return null;
  const { redirectFrom: _, ...rest } = tls;
  const managedFiles = (tls.automatic?.domains ?? []).map((name) => certificateFile(storage, name));
  if (tls.internal !== null) {
    managedFiles.push(internalCertificate({ storage, ...tls.internal }).file);
  }
  const isBare = managedFiles.length === 0 && tls.certificates.length === 0;
  if (isBare) managedFiles.push(placeholderFile(storage));
  const managed = managedFiles.map((file) => ({ certFile: file, keyFile: file }));
  const proofStorage = tls.automatic === null ? null : storage;
  return {
    ...rest,
    certificates: [...tls.certificates, ...managed],
    managedFiles,
    proofStorage,
    demandedFolder: demandedFolder(tls, storage),
  };
}

function demandedFolder(
  { automatic, internal }: NonNullable<ListenerConfig['tls']>,
  storage: string,
): string | null {
  if ((automatic?.onDemand ?? null) !== null) return certificateFolder(storage);
  return internal === null ? null : authorityFiles(storage).asked;
}
