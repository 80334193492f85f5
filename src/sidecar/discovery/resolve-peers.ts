// From a name to peers: what DNS says now, with what it said last in the place of what it fails to say.
//
//   app.internal:8080          every A and AAAA address is a peer on that port
//   srv:_http._tcp.internal    every target is a peer: its addresses (https: its name, which is in its
//                              certificate), its port, its weight; its priority becomes a tier

import { isIPv6 } from 'node:net';
import type { PeerSettings } from '../../config/live-peer.ts';
import { limits } from '../../core/limits.ts';
import type { Address, DnsQuestions, DnsResult, Service } from './dns-query.ts';

/** SRV records come without their TTL: they are asked for so often. */
const servicePollMs = 5000;
/** Largest weight and priority of a peer (config/schema-balancing). */
const weightMax = 1000;
const priorityMax = 100;

/** What is looked up; `dns` and `scheme` as in the configuration, complete. */
export interface DnsSource {
  readonly dns: string;
  readonly scheme: 'http' | 'https';
}

/** Answers that may stand in for failures, by question. Written here, kept by the caller. */
export type LastAnswers = Map<string, readonly Address[]>;

export type Resolution =
  /** `problem`: what could not be asked and was taken from earlier answers, or null. */
  | {
      readonly kind: 'peers';
      readonly peers: readonly PeerSettings[];
      readonly ttlMs: number;
      readonly problem: string | null;
      /** Nothing of it is new: nobody gave an answer. */
      readonly isStale: boolean;
    }
  /** Nobody to be found: the name is unknown, empty, or nobody answers. */
  | { readonly kind: 'nobody'; readonly problem: string };

/** Looks up the peers of `source`, sorted and without duplicates. Never rejects. */
export function resolvePeers(
  source: DnsSource,
  ask: DnsQuestions,
  last: LastAnswers,
): Promise<Resolution> {
  if (source.dns.startsWith('srv:')) return resolveServices(source, ask, last);
  const colon = source.dns.lastIndexOf(':');
  return resolveHost(source, source.dns.slice(0, colon), { ask, last });
}

interface Inquiry {
  readonly ask: DnsQuestions;
  readonly last: LastAnswers;
}

async function resolveHost(source: DnsSource, name: string, inquiry: Inquiry): Promise<Resolution> {
  const port = Number(source.dns.slice(source.dns.lastIndexOf(':') + 1));
  const { addresses, ttlMs, problem, isStale } = await resolveAddresses(name, inquiry);
  if (addresses.length === 0) return { kind: 'nobody', problem: problem ?? 'ENODATA' };
  const peers = addresses.map((address) => peerAt(source.scheme, address, port));
  return { kind: 'peers', peers: inOrder(peers), ttlMs, problem, isStale };
}

async function resolveServices(
  source: DnsSource,
  ask: DnsQuestions,
  last: LastAnswers,
): Promise<Resolution> {
  const answer = await ask.services(source.dns.slice('srv:'.length));
  if (answer.kind !== 'found') return { kind: 'nobody', problem: answer.code };
  // A target '.' says that there is no such service (RFC 2782).
  const services = answer.records.filter(({ name }) => name !== '' && name !== '.');
  const tiers = tiersOf(services);
  const weights = weightsOf(services);
  const problems = new Set<string>();
  let ttlMs = servicePollMs;
  const peersOf = async (service: Service): Promise<PeerSettings[]> => {
    const settings = { weight: weights.get(service)!, priority: tiers.get(service.priority)! };
    const name = service.name.toLowerCase().replace(/\.$/, '');
    if (source.scheme === 'https') return [peerAt('https', name, service.port, settings)];
    const found = await resolveAddresses(name, { ask, last });
    if (found.problem !== null) problems.add(`${name}: ${found.problem}`);
    ttlMs = Math.min(ttlMs, found.ttlMs);
    return found.addresses.map((address) => peerAt('http', address, service.port, settings));
  };
  const served = services.slice(0, limits.discoveredPeersMax);
  const peers = (await Promise.all(served.map(peersOf))).flat();
  const problem = problems.size === 0 ? null : [...problems].slice(0, 3).join(', ');
  if (peers.length === 0) return { kind: 'nobody', problem: problem ?? 'ENODATA' };
  return { kind: 'peers', peers: inOrder(peers), ttlMs, problem, isStale: false };
}

/** Asks for both families; one that fails keeps what it said last, one that is empty is empty. */
async function resolveAddresses(name: string, { ask, last }: Inquiry) {
  const [four, six] = await Promise.all([ask.addresses4(name), ask.addresses6(name)]);
  const isEmpty = four.kind !== 'found' && six.kind !== 'found';
  const found4 = believe(`4 ${name}`, four, isEmpty, last);
  const found6 = believe(`6 ${name}`, six, isEmpty, last);
  const records = [...found4, ...found6];
  const failed = [four, six].filter(({ kind }) => kind === 'failed');
  const nothing = isEmpty && failed.length === 0 ? four : failed[0];
  return {
    addresses: records.map(({ address }) => address).filter(isSpecific),
    ttlMs: Math.min(...records.map(({ ttl }) => ttl * 1000), Number.MAX_SAFE_INTEGER),
    isStale: isEmpty,
    problem: nothing === undefined || nothing.kind === 'found' ? null : nothing.code,
  };
}

function believe(
  key: string,
  result: DnsResult<Address>,
  isEmpty: boolean,
  last: LastAnswers,
): readonly Address[] {
  if (result.kind === 'found') {
    last.set(key, result.records);
    return result.records;
  }
  if (result.kind === 'failed' || isEmpty) return last.get(key) ?? [];
  last.delete(key);
  return [];
}

/** 0.0.0.0 and :: are this machine to connect(2), and mean "nowhere" in answers. */
function isSpecific(address: string): boolean {
  return address !== '0.0.0.0' && !/^[0:]+$/.test(address);
}

/** Priorities of any size become tiers 0, 1, 2…, lowest first. */
function tiersOf(services: readonly Service[]): Map<number, number> {
  const known = [...new Set(services.map(({ priority }) => priority))].sort((a, b) => a - b);
  return new Map(known.map((priority, tier) => [priority, Math.min(tier, priorityMax)]));
}

/** Weights of 0…65535 become 1…1000; 0 means "hardly ever" beside others (RFC 2782). */
function weightsOf(services: readonly Service[]): Map<Service, number> {
  const largest = Math.max(...services.map(({ weight }) => weight), 0);
  const scale = largest > weightMax ? weightMax / largest : 1;
  return new Map(
    services.map((service) => [service, Math.max(1, Math.round(service.weight * scale))]),
  );
}

function peerAt(
  scheme: DnsSource['scheme'],
  host: string,
  port: number,
  { weight, priority } = { weight: 1, priority: 0 },
): PeerSettings {
  const authority = isIPv6(host) ? `[${host}]` : host;
  const url = new URL(`${scheme}://${authority}:${port}`).origin;
  return { url, weight, priority, connectionsMax: 0, zone: null, draining: false };
}

/** The same peers in the same order whatever the order of the answer. */
function inOrder(peers: readonly PeerSettings[]): PeerSettings[] {
  const byUrl = new Map(peers.map((peer) => [peer.url, peer]));
  const sorted = [...byUrl.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
  return sorted.slice(0, limits.discoveredPeersMax);
}
