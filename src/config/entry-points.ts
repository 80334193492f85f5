// Every address that a configuration listens on: the listeners it names, and those that only redirect to
// them.

import type { Config, ListenerConfig } from './schema.ts';

/** A listener, or the port of one that sends everybody to it. */
export interface EntryPoint extends Omit<ListenerConfig, 'name'> {
  readonly name: string;
  /** Port of the listener with TLS that all requests are sent to; null: they are served. */
  readonly redirectsTo: number | null;
}

/** Lists the addresses of `config`, redirecting ones behind their target. */
export function entryPoints({ listeners }: Pick<Config, 'listeners'>): EntryPoint[] {
  return listeners.flatMap((listener) => {
    const served: EntryPoint = { ...listener, redirectsTo: null };
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
