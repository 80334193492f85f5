// Turns the settings of one upstream into what carries its exchanges. The bounds that hold for all workers
// together are divided here.

import { ProxyError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import { MIB } from '../core/limits.ts';
import type { Peer } from '../core/peer.ts';
import type { Tunnel } from '../core/tunnel.ts';
import type { OwnedTransports, TransportSettings } from './transports.ts';
import { loadWs } from './tunnel/handshake.ts';
import { createTunnel } from './tunnel/tunnel.ts';
import type { TunnelRegistry } from './tunnel/tunnel-registry.ts';
import { FastcgiUpstream } from './upstream/fastcgi/fastcgi-upstream.ts';
import { Http1Pools } from './upstream/http1/pools.ts';
import { createHttp1Upstream } from './upstream/http1/upstream.ts';
import { createUndiciUpstream } from './upstream/undici/undici-upstream.ts';

/**
 * Returns the factory of one worker. HTTP/1.1 pools and open WebSockets outlive the settings that they
 * began under; `tunnels` holds all of the latter.
 */
export function createTransports(
  tunnels: TunnelRegistry,
  events: Events,
): (settings: TransportSettings) => OwnedTransports {
  const pools = new Http1Pools();
  return (settings) => {
    const options = optionsOf(settings);
    if (settings.config.peers.some(({ url }) => url.startsWith('fastcgi'))) {
      return fastcgiTransports(settings, events);
    }
    const tunnelOptions = {
      ...options,
      messageBytesMax: settings.limits.webSocketMessageBytes,
      idleMs: settings.webSocketIdleMs,
    };
    const tunnel = createTunnel(tunnelOptions, tunnels);
    if (settings.config.transport === 'undici') {
      const http = createUndiciUpstream(options);
      const keepOnly = (peers: readonly Peer[]) => http.keepOnly(peers);
      return { http, tunnel, keepOnly, drain: () => http.drain() };
    }
    const http = createHttp1Upstream({ ...options, peers: settings.peers }, pools);
    return { http, tunnel, drain: () => http.drain() };
  };
}

/** To FastCGI applications, which know no WebSockets. */
function fastcgiTransports(settings: TransportSettings, events: Events): OwnedTransports {
  const { config, limits } = settings;
  const { pendingTimeoutMs, keepAlive, timeouts, fastcgi } = config;
  const { root, index, frontController, endings, params, keptMax } = fastcgi;
  const http = new FastcgiUpstream({
    script: {
      root: root ?? '',
      index,
      frontController,
      endings,
      params: Object.entries(params).flat(),
    },
    connectionsMax: share(config.connectionsMax, settings.workers),
    pendingMax: share(config.pendingMax, settings.workers),
    pendingTimeoutMs,
    keptMax,
    idleMs: keepAlive.idleMs,
    timeouts,
    responseHeadBytesMax: limits.responseHeadBytes,
    chunkedBodyBytesMax: MIB,
    onStderr: (line, peer) => events.warn({ peer, line }, 'the application wrote to stderr'),
  });
  const tunnel: Tunnel = {
    send: (_exchange, _peer, attempt) =>
      attempt.onFailure(new ProxyError('upgrade_failed', 'FastCGI carries no WebSockets')),
  };
  return { http, tunnel, drain: () => http.drain() };
}

/** Loads what the first WebSocket would have to wait for; to be called when there is time. */
export function preloadTunnels(): void {
  loadWs();
}

function optionsOf({ upstream, config, ca, cert, key, limits, workers }: TransportSettings) {
  const { pipelining, pendingTimeoutMs, keepAlive, timeouts, tls } = config;
  return {
    upstream,
    pipelining,
    connectionsMax: share(config.connectionsMax, workers),
    pendingMax: share(config.pendingMax, workers),
    pendingTimeoutMs,
    keepAlive,
    timeouts,
    responseHeadBytesMax: limits.responseHeadBytes,
    sendProxy: config.sendProxy,
    tls: { verify: tls.verify, ca, cert, key, serverName: tls.serverName },
    h2c: config.h2c,
  };
}

/** Rounded up, so that nobody is left without; 0 stays 0. */
function share(bound: number, workers: number): number {
  return Math.ceil(bound / workers);
}
