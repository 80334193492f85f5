// The listeners of this worker: which are open, which a staged configuration adds, which it gives up.

import type { BoundListener } from '../channel/control.ts';
import { type EntryPoint, entryPoints } from '../config/entry-points.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import type { CertificateDemands } from './certificate-demands.ts';
import { isExpiring, WatchedCertificates } from './certificates.ts';
import { createDemanded } from './demanded-certificates.ts';
import { Trust } from './filter/trust.ts';
import { type FrontListener, openFrontListener } from './front-listener.ts';
import type { ListenerSettings } from './listener/listener-settings.ts';
import { untilIssued } from './managed-files.ts';
import { RedirectHandler } from './redirect.ts';
import type { Server } from './serve.ts';

/** Keyed by all but the name: a listener that only gets another one stays open. */
type Listeners = Map<string, FrontListener>;

const GIVEN_UP = 'the configuration was given up meanwhile';

export interface ListenerSetOptions {
  readonly server: Server;
  readonly events: Events;
  /** Made by the primary at its start, the same in all workers. */
  readonly secret: string;
  readonly demands: CertificateDemands;
  /** Events about certificates are this worker's to tell. */
  readonly tells: boolean;
}

/** Opens and closes listeners in step with configurations; the kernel spreads clients over workers. */
export class ListenerSet {
  readonly #options: ListenerSetOptions;
  #active: Listeners = new Map();
  #staged: Listeners | null = null;
  /** Given up, until their last connection is gone. */
  #leaving: FrontListener[] = [];
  /** Of listeners that are gone. */
  #connectionsBefore = 0;
  #isDraining = false;
  /** Connections that were one too many of a client. */
  connectionsRefused = 0;
  readonly #certificates = new Set<WatchedCertificates>();

  constructor(options: ListenerSetOptions) {
    this.#options = options;
  }

  /**
   * Opens what `config` adds, so that a port that can't be had refuses the configuration. Clients that
   * come before the activation are served by the configuration that is active. Rejects when a port fails.
   */
  async stage(config: Config): Promise<void> {
    this.discard();
    this.#forgetGone();
    if (this.#isDraining) throw new Error(GIVEN_UP);
    const staged: Listeners = new Map();
    this.#staged = staged;
    for (const entryPoint of entryPoints(config)) {
      const key = keyOf(entryPoint);
      const kept = this.#active.get(key);
      const listener = kept ?? (await this.#open(entryPoint, config));
      if (this.#staged !== staged) {
        if (kept === undefined) this.#giveUp(listener);
        throw new Error(GIVEN_UP);
      }
      staged.set(key, listener);
    }
  }

  /** Closes what the staged configuration does not have; connections finish what they are at. */
  activate(config: Config): void {
    const before = this.#active;
    this.#active = this.#staged ?? before;
    this.#staged = null;
    const settings = this.#settingsOf(config);
    for (const listener of this.#active.values()) listener.configure(settings);
    for (const [key, listener] of before) {
      if (!this.#active.has(key)) this.#giveUp(listener);
    }
  }

  discard(): void {
    for (const [key, listener] of this.#staged ?? []) {
      if (!this.#active.has(key)) this.#giveUp(listener);
    }
    this.#staged = null;
  }

  bound(config: Config): BoundListener[] {
    return entryPoints(config).map((entryPoint) => ({
      name: entryPoint.name,
      port: this.#active.get(keyOf(entryPoint))?.port ?? entryPoint.port,
    }));
  }

  /** Accepts nothing any more; answers from now on close their connections. */
  drain(): void {
    this.#isDraining = true;
    this.discard();
    for (const listener of this.#active.values()) listener.drain();
  }

  /** Cuts what is still open. */
  closeAll(): void {
    for (const listener of [...this.#active.values(), ...this.#leaving]) listener.closeAll();
  }

  get connectionsOpen(): number {
    return this.#sum((listener) => listener.connectionsOpen);
  }

  /** Since this worker began, those of listeners that are gone included. */
  get connections(): number {
    return this.#connectionsBefore + this.#sum((listener) => listener.connections);
  }

  get webSocketsOpen(): number {
    return this.#sum((listener) => listener.webSocketsOpen);
  }

  /** What is told about certificates, by one worker for all (Unix time in ms). */
  certificateReadings(nowMs: number): {
    readonly certificatesExpiring: number;
    readonly certificateExpiresAtS: number;
  } {
    let certificatesExpiring = 0;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const watched of this.#certificates) {
      if (watched.isClosed) this.#certificates.delete(watched);
      else {
        for (const certificate of watched.current) {
          if (isExpiring(certificate, nowMs)) certificatesExpiring += 1;
          firstMs = Math.min(firstMs, certificate.notAfterMs);
        }
      }
    }
    const isTold = this.#options.tells && firstMs !== Number.POSITIVE_INFINITY;
    if (!isTold) return { certificatesExpiring: 0, certificateExpiresAtS: 0 };
    return { certificatesExpiring, certificateExpiresAtS: Math.max(1, firstMs / 1000) };
  }

  async #open(entryPoint: EntryPoint, config: Config): Promise<FrontListener> {
    const { server, events, secret, tells, demands } = this.#options;
    const { tls, redirectsTo } = entryPoint;
    if (tls !== null) await untilIssued(tls.managedFiles, this.#active.size === 0);
    const certificates =
      tls === null ? null : new WatchedCertificates(tls.certificates, { events, tells });
    if (certificates !== null) this.#certificates.add(certificates);
    try {
      return await openFrontListener({
        entryPoint,
        handler: redirectsTo === null ? server : new RedirectHandler(server, redirectsTo),
        settings: this.#settingsOf(config),
        certificates,
        demanded: createDemanded(entryPoint, demands),
        secret,
        events,
      });
    } catch (error) {
      certificates?.close();
      throw error;
    }
  }

  #settingsOf(config: Config): ListenerSettings {
    const { limits, cores, trustedProxies } = config;
    const trust = new Trust(trustedProxies);
    const clientLimit = {
      max: limits.connectionsPerClient,
      workers: cores,
      isExempt: (address: string) => trust.has(address),
      onRefused: () => {
        this.connectionsRefused += 1;
      },
    };
    return { ...settingsOf(config), clientLimit: clientLimit.max === 0 ? null : clientLimit };
  }

  #giveUp(listener: FrontListener): void {
    listener.drain();
    this.#leaving.push(listener);
  }

  #sum(count: (listener: FrontListener) => number): number {
    let sum = 0;
    for (const listener of [...this.#active.values(), ...this.#leaving]) sum += count(listener);
    return sum;
  }

  #forgetGone(): void {
    this.#leaving = this.#leaving.filter((listener) => {
      if (listener.connectionsOpen > 0) return true;
      this.#connectionsBefore += listener.connections;
      listener.closeAll();
      return false;
    });
  }
}

function keyOf({ name: _, ...rest }: EntryPoint): string {
  return JSON.stringify(rest);
}

function settingsOf({ limits, timeouts }: Config): Omit<ListenerSettings, 'clientLimit'> {
  return {
    requestHeaderCount: limits.requestHeaderCount,
    requestHeadBytes: limits.requestHeadBytes,
    replayBytes: limits.replayBytes,
    streamBufferBytes: limits.streamBufferBytes,
    webSocketMessageBytes: limits.webSocketMessageBytes,
    exchangesMax: limits.exchangesMax,
    requestHeadMs: timeouts.requestHeadMs,
    clientIdleMs: timeouts.clientIdleMs,
    requestBodyIdleMs: timeouts.requestBodyIdleMs,
    uploadBytesPerSecond: limits.uploadBytesPerSecond,
    uploadPaceMs: timeouts.uploadPaceMs,
    webSocketIdleMs: timeouts.webSocketIdleMs,
  };
}
