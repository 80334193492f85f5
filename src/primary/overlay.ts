// What is laid over the configuration while Sluice runs: peers that the admin API added, removed or altered,
// and peers that a file or DNS named. Pure functions on immutable data; who asks is in peer-changes.
//
// The peers of an upstream are those of the configuration, then of the API, of the file, of DNS; when
// several name one URL, the first counts. From these, the removed ones are taken, and the alterations laid
// over the rest.

import { isDeepStrictEqual } from 'node:util';
import type { PeerChange, PeerDescriptionChange, RefusalReason } from '../channel/peer-change.ts';
import { type LivePeer, originOfPeer, type PeerSettings } from '../config/live-peer.ts';
import type { Config, UpstreamConfig } from '../config/schema.ts';

/** What is laid over one upstream. */
export interface UpstreamOverlay {
  /** Peers that only the API names. */
  readonly added: readonly PeerSettings[];
  /** URLs that somebody names and nobody wants. */
  readonly removed: ReadonlySet<string>;
  /** By URL. */
  readonly altered: ReadonlyMap<string, PeerDescriptionChange>;
  readonly file: readonly PeerSettings[];
  readonly dns: readonly PeerSettings[];
}

/** By the name of the upstream; those that are left out have nothing laid over them. */
export type Overlay = ReadonlyMap<string, UpstreamOverlay>;

const nothing: UpstreamOverlay = {
  added: [],
  removed: new Set(),
  altered: new Map(),
  file: [],
  dns: [],
};

/** A change that makes no sense in the state that there is. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly problem: string;
}

/** Returns `config` with the overlay applied; upstreams without one stay the very same objects. */
export function applyOverlay(config: Config, overlay: Overlay): Config {
  if (overlay.size === 0) return config;
  const entries = Object.entries(config.upstreams).map(([name, upstream]) => {
    const own = overlay.get(name);
    return [name, own === undefined ? upstream : overlaid(upstream, own)] as const;
  });
  return { ...config, upstreams: Object.fromEntries(entries) };
}

/** Returns the overlay with one change more, or why it can't be made. */
export function changeOverlay(
  config: Config,
  overlay: Overlay,
  { upstream: name, change }: { readonly upstream: string; readonly change: PeerChange },
): Overlay | Refusal {
  const upstream = Object.hasOwn(config.upstreams, name) ? config.upstreams[name] : undefined;
  if (upstream === undefined) {
    return { reason: 'unknown-upstream', problem: `no upstream is called '${name}'` };
  }
  const own = overlay.get(name) ?? nothing;
  const changed = changeUpstream(upstream, own, change);
  return 'reason' in changed ? changed : withOne(overlay, name, settle(upstream, changed));
}

/** Returns the overlay with the peers that files have now, by upstream; those left out stay as they were. */
export function withPeersOfFiles(
  config: Config,
  overlay: Overlay,
  found: ReadonlyMap<string, readonly PeerSettings[]>,
): Overlay {
  let next = overlay;
  for (const [upstream, peers] of found) {
    const change: PeerChange = { kind: 'found', source: 'file', peers };
    const changed = changeOverlay(config, next, { upstream, change });
    if (!('reason' in changed)) next = changed;
  }
  return next;
}

/**
 * Returns what of an overlay still makes sense when the configuration `before` is replaced by `after`. What
 * the new one says anew about a peer wins over what the API said; what it leaves as it was stays altered
 * or removed. Peers that were found stay until their source answers, if there still is one.
 */
export function rebaseOverlay(overlay: Overlay, before: Config, after: Config): Overlay {
  let rebased: Overlay = new Map();
  for (const [name, own] of overlay) {
    const next = Object.hasOwn(after.upstreams, name) ? after.upstreams[name] : undefined;
    if (next === undefined) continue;
    const former = before.upstreams[name]?.peers ?? [];
    const peerIn = (peers: readonly PeerSettings[], url: string) =>
      peers.find((peer) => peer.url === url);
    const altered = new Map<string, PeerDescriptionChange>();
    for (const [url, change] of own.altered) {
      const [was, is] = [peerIn(former, url), peerIn(next.peers, url)];
      altered.set(url, is === undefined ? change : untouched(change, was, is));
    }
    const kept: UpstreamOverlay = {
      added: own.added.filter(({ url }) => peerIn(next.peers, url) === undefined),
      removed: own.removed,
      altered,
      file: next.discovery.file === null ? [] : own.file,
      dns: next.discovery.dns === null ? [] : own.dns,
    };
    rebased = withOne(rebased, name, settle(next, kept));
  }
  return rebased;
}

function changeUpstream(
  upstream: UpstreamConfig,
  own: UpstreamOverlay,
  change: PeerChange,
): UpstreamOverlay | Refusal {
  if (change.kind === 'found') {
    // A reload may have overtaken it: nobody looks there any more.
    if (upstream.discovery[change.source] === null) return own;
    return { ...own, [change.source]: unique(change.peers) };
  }
  const url = change.kind === 'add' ? change.peer.url : change.url;
  const peers = overlaid(upstream, own).peers as LivePeer[];
  const present = peers.find((peer) => peer.url === url);
  const removed = new Set(own.removed);
  const altered = new Map(own.altered);
  if (change.kind === 'add') {
    if (present !== undefined) {
      const problem = `${url} is a peer already (origin: ${originOfPeer(present)})`;
      return { reason: 'peer-exists', problem };
    }
    const { peer } = change;
    if (!removed.delete(url)) return { ...own, added: [...own.added, peer] };
    // Somebody else names it still: it comes back, with the settings that it is given now.
    const { url: _, ...settings } = peer;
    altered.set(url, settings);
    return { ...own, removed, altered };
  }
  if (present === undefined) return { reason: 'unknown-peer', problem: `${url} is not a peer` };
  if (change.kind === 'alter') {
    altered.set(url, { ...altered.get(url), ...change.change });
    return { ...own, altered };
  }
  if (peers.length === 1) {
    const problem = `${url} is the last peer; add another one first, or drain it`;
    return { reason: 'last-peer', problem };
  }
  altered.delete(url);
  removed.add(url);
  return { ...own, added: own.added.filter((peer) => peer.url !== url), removed, altered };
}

/** Forgets what is said about peers that nobody names, and never lets removals leave nothing. */
function settle(upstream: UpstreamConfig, own: UpstreamOverlay): UpstreamOverlay {
  const named = new Map(namedPeers(upstream, own).map((peer) => [peer.url, peer]));
  const removed = new Set([...own.removed].filter((url) => named.has(url)));
  const altered = new Map<string, PeerDescriptionChange>();
  for (const [url, change] of own.altered) {
    const peer = named.get(url);
    if (peer === undefined) continue;
    const news = Object.entries(change).filter(
      ([key, value]) => peer[key as keyof PeerDescriptionChange] !== value,
    );
    if (news.length > 0) altered.set(url, Object.fromEntries(news));
  }
  return { ...own, removed: removed.size === named.size ? new Set() : removed, altered };
}

function overlaid(upstream: UpstreamConfig, own: UpstreamOverlay): UpstreamConfig {
  const peers = namedPeers(upstream, own)
    .filter(({ url }) => !own.removed.has(url))
    .map((peer) => ({ ...peer, ...own.altered.get(peer.url) }));
  return { ...upstream, peers, tls: tlsOf(upstream) };
}

/** Everybody that somebody names, once each. */
function namedPeers(upstream: UpstreamConfig, own: UpstreamOverlay): LivePeer[] {
  return unique<LivePeer>([
    ...upstream.peers,
    ...own.added.map((peer) => ({ ...peer, origin: 'api' as const })),
    ...own.file.map((peer) => ({ ...peer, origin: 'file' as const })),
    ...own.dns.map((peer) => ({ ...peer, origin: 'dns' as const })),
  ]);
}

/** Addresses that DNS gave for a name have certificates for the name. */
function tlsOf({ discovery, peers, tls }: UpstreamConfig): UpstreamConfig['tls'] {
  const { dns, scheme } = discovery;
  const isNamed = dns !== null && !dns.startsWith('srv:') && scheme === 'https';
  if (!isNamed || tls.serverName !== null || peers.length > 0) return tls;
  return { ...tls, serverName: dns.slice(0, dns.lastIndexOf(':')) };
}

/** Returns the part of an alteration about settings that a new configuration left as they were. */
function untouched(
  change: PeerDescriptionChange,
  was: PeerSettings | undefined,
  is: PeerSettings,
): PeerDescriptionChange {
  if (was === undefined) return {};
  const kept = Object.entries(change).filter(([key]) => {
    return was[key as keyof PeerSettings] === is[key as keyof PeerSettings];
  });
  return Object.fromEntries(kept);
}

function withOne(overlay: Overlay, name: string, own: UpstreamOverlay): Overlay {
  const next = new Map(overlay);
  if (isDeepStrictEqual(own, nothing)) next.delete(name);
  else next.set(name, own);
  return next;
}

function unique<Peer extends { readonly url: string }>(peers: readonly Peer[]): Peer[] {
  const byUrl = new Map<string, Peer>();
  for (const peer of peers) if (!byUrl.has(peer.url)) byUrl.set(peer.url, peer);
  return [...byUrl.values()];
}
