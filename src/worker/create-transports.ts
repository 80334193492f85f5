// Turns the settings of one upstream into what carries its exchanges. The bounds that hold for all workers
// together are divided here.

import type { OwnedTransports, TransportSettings } from './transports.ts';
import { loadWs } from './tunnel/handshake.ts';
import { createTunnel } from './tunnel/tunnel.ts';
import type { TunnelRegistry } from './tunnel/tunnel-registry.ts';
import { Http1Pools } from './upstream/http1/pools.ts';
import { createHttp1Upstream } from './upstream/http1/upstream.ts';
import { createUndiciUpstream } from './upstream/undici/undici-upstream.ts';

/**
 * Returns the factory of one worker. HTTP/1.1 pools and open WebSockets outlive the settings that they
 * began under; `tunnels` holds all of the latter.
 */
export function createTransports(
  tunnels: TunnelRegistry,
): (settings: TransportSettings) => OwnedTransports {
  const pools = new Http1Pools();
  return (settings) => {
    const options = optionsOf(settings);
    const http =
      settings.config.transport === 'undici'
        ? createUndiciUpstream(options)
        : createHttp1Upstream({ ...options, peers: settings.peers }, pools);
    const tunnelOptions = {
      ...options,
      messageBytesMax: settings.limits.webSocketMessageBytes,
      idleMs: settings.webSocketIdleMs,
    };
    return { http, tunnel: createTunnel(tunnelOptions, tunnels), drain: () => http.drain() };
  };
}

/** Loads what the first WebSocket would have to wait for; to be called when there is time. */
export function preloadTunnels(): void {
  loadWs();
}

function optionsOf({ upstream, config, ca, limits, workers }: TransportSettings) {
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
    tls: { verify: tls.verify, ca, serverName: tls.serverName },
  };
}

/** Rounded up, so that nobody is left without; 0 stays 0. */
function share(bound: number, workers: number): number {
  return Math.ceil(bound / workers);
}
