// One question to DNS: addresses with their TTLs, or the targets of a service. Expected failures are values.
// Asks name servers only: /etc/hosts and search domains are not for this.

import { Resolver } from 'node:dns/promises';

/** Limits of one question: c-ares asks each server so often, and waits longer each time. */
const timeoutMs = 1500;
const tries = 2;

/** An address and for how long it may be believed, in s. */
export interface Address {
  readonly address: string;
  readonly ttl: number;
}

export interface Service {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** `none`: the name has no such records, as far as its servers know. */
export type DnsResult<Record> =
  | { readonly kind: 'found'; readonly records: readonly Record[] }
  | { readonly kind: 'none'; readonly code: string }
  | { readonly kind: 'failed'; readonly code: string };

export interface DnsQuestions {
  addresses4(name: string): Promise<DnsResult<Address>>;
  addresses6(name: string): Promise<DnsResult<Address>>;
  services(name: string): Promise<DnsResult<Service>>;
  /** Gives up on what is being asked; it fails. */
  cancel(): void;
}

/** Creates a client of `servers`, or of those of the system when there are none. */
export function createDnsQuestions(servers: readonly string[]): DnsQuestions {
  const resolver = new Resolver({ timeout: timeoutMs, tries });
  if (servers.length > 0) resolver.setServers(servers);
  return {
    addresses4: (name) => settled(resolver.resolve4(name, { ttl: true })),
    addresses6: (name) => settled(resolver.resolve6(name, { ttl: true })),
    services: (name) => settled(resolver.resolveSrv(name)),
    cancel: () => resolver.cancel(),
  };
}

async function settled<Record>(answer: Promise<Record[]>): Promise<DnsResult<Record>> {
  try {
    const records = await answer;
    return records.length > 0 ? { kind: 'found', records } : { kind: 'none', code: 'ENODATA' };
  } catch (error) {
    const { code = 'EUNKNOWN' } = error as NodeJS.ErrnoException;
    const isNone = code === 'ENODATA' || code === 'ENOTFOUND';
    return { kind: isNone ? 'none' : 'failed', code };
  }
}
