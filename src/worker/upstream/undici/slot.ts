// One connection to a peer: an undici Client, which holds one socket at a time, and what the pool knows
// about it.

import { isIPv6, type Socket } from 'node:net';
import type { buildConnector, Client } from 'undici';
import { limits } from '../../../core/limits.ts';
import type { Peer } from '../../../core/peer.ts';
import { lazyPackage } from '../../../std/lazy.ts';
import { wasReset } from '../../../std/was-reset.ts';
import type { UndiciOptions } from './options.ts';

/** Loads undici when the first upstream wants it: 200 to 300 ms that others need not wait for. */
const loadUndici = lazyPackage<typeof import('undici')>('undici');

/** Exchanges on one HTTP/2 connection; the peer's own limit may be lower. */
export const STREAMS_MAX = 100;

/** What the pool hears about its slots. */
export interface SlotEvents {
  onConnected(slot: Slot, isH2: boolean): void;
  /** Comes before undici fails what waits for this connection. */
  onConnectFailed(slot: Slot, error: Error): void;
  onDisconnected(slot: Slot): void;
  /** There is room for another exchange, after `dispatch` said that there was none. */
  onDrain(slot: Slot): void;
}

export class Slot {
  readonly client: Client;
  /** Dispatches that have not settled. */
  running = 0;
  /** Dispatches on the present socket. */
  served = 0;
  isConnecting = true;
  isConnected = false;
  /** The present socket reported an error or was reset: a body that lasts until its end is not whole. HTTP/1 only. */
  isBroken = false;
  /** Listed as having room. */
  isFree = false;
  /** Out of use: nothing more is dispatched here. */
  isRetired = false;
  connectedAtMs = 0;

  constructor(client: (slot: Slot) => Client) {
    this.client = client(this);
  }
}

/** Makes slots for one peer; they share one connector and so resume each other's TLS sessions. */
export function createSlotFactory(
  peer: Peer,
  options: UndiciOptions,
  events: SlotEvents,
): () => Slot {
  const { scheme, hostname, port } = peer.address;
  const url = `${scheme}://${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;
  const undici = loadUndici();
  const connector = undici.buildConnector(connectorOptions(options));
  const serverName = options.tls.serverName;
  const connect =
    (slot: Slot): buildConnector.connector =>
    (target, callback) => {
      slot.isConnecting = true;
      // undici names the server after Host, which is the client's to choose.
      const { servername: _ignored, ...rest } = target;
      const named = serverName === null ? rest : { ...rest, servername: serverName };
      connector(named, (...outcome) => {
        slot.isConnecting = false;
        const [error, socket] = outcome;
        if (error !== null) {
          events.onConnectFailed(slot, error);
        } else {
          const { alpnProtocol } = socket as { alpnProtocol?: string | false | null };
          const isH2 = alpnProtocol === 'h2';
          slot.isConnected = true;
          slot.isBroken = false;
          // Frames tell whether a response is whole; and a connection that said GOAWAY may break long
          // after the slot has the next one.
          if (!isH2) watchBreaking(slot, socket);
          // How many may run when the next connection is opened, beside those on one that said GOAWAY.
          slot.client.pipelining = isH2 ? STREAMS_MAX : 1;
          slot.served = slot.running;
          slot.connectedAtMs = performance.now();
          events.onConnected(slot, isH2);
        }
        callback(...outcome);
      });
    };
  return () => {
    const slot = new Slot((self) => new undici.Client(url, clientOptions(options, connect(self))));
    slot.client.on('disconnect', () => {
      slot.isConnected = false;
      events.onDisconnected(slot);
    });
    slot.client.on('drain', () => events.onDrain(slot));
    return slot;
  };
}

/** Comes before undici's own listener, which ends the response that runs. */
function watchBreaking(slot: Slot, socket: Socket): void {
  socket.on('error', () => {
    slot.isBroken = true;
  });
  socket.on('end', () => {
    slot.isBroken ||= wasReset(socket);
  });
}

function connectorOptions(options: UndiciOptions): buildConnector.BuildOptions {
  const { ca, cert, key, verify } = options.tls;
  return {
    allowH2: true,
    preferH2: true,
    timeout: options.timeouts.connectMs,
    rejectUnauthorized: verify,
    ...(ca === null ? {} : { ca }),
    ...(cert && key ? { cert, key } : {}),
    // Not in the type, but in the code: the option by which Client asks for prior knowledge itself.
    ...(options.h2c === true ? { useH2c: true } : {}),
  } as buildConnector.BuildOptions;
}

function clientOptions(options: UndiciOptions, connect: buildConnector.connector): Client.Options {
  return {
    connect,
    pipelining: 1,
    useMilo: false,
    maxHeaderSize: options.responseHeadBytesMax,
    // Zero would mean for ever.
    keepAliveTimeout: Math.max(1, options.keepAlive.idleMs),
    keepAliveMaxTimeout: 600_000,
    keepAliveTimeoutThreshold: 2000,
    maxRequestsPerClient: options.keepAlive.requestsMax,
    h2Options: {
      maxConcurrentStreams: STREAMS_MAX,
      // Read by the code, missing in the type.
      ...({ initialWindowSize: limits.streamHighWaterBytes } as object),
      // All streams that are paused together must not take the window away from the others.
      connectionWindowSize: STREAMS_MAX * limits.streamHighWaterBytes,
    },
  };
}
