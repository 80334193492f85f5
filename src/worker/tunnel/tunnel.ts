// WebSockets to the peers of one upstream: each exchange gets a connection of its own, as long as its
// tunnel lasts. How many there are at once is bounded by the exchanges that a worker takes.

import { ProxyError } from '../../core/errors.ts';
import type { Tunnel } from '../../core/tunnel.ts';
import { Handshake } from './handshake.ts';
import type { TunnelOptions } from './options.ts';
import type { TunnelRegistry } from './tunnel-registry.ts';

/** Creates the transport; tunnels outlive it and are closed through the registry. */
export function createTunnel(options: TunnelOptions, registry: TunnelRegistry): Tunnel {
  return {
    send(exchange, peer, attempt): void {
      if (registry.isClosing) attempt.onFailure(new ProxyError('draining'));
      else new Handshake(exchange, peer, attempt, { options, registry }).start();
    },
  };
}
