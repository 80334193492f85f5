// One address of this worker, open, whichever engine serves it; with TLS it follows its certificates.

import { readFileSync } from 'node:fs';
import type { EntryPoint } from '../config/entry-points.ts';
import type { Events } from '../core/events.ts';
import type { ExchangeHandler } from '../core/exchange.ts';
import { messageOf } from '../std/message-of.ts';
import type { DemandedCertificates } from './demanded-certificates.ts';
import { Trust } from './filter/trust.ts';
import type { Kept } from './kept.ts';
import type { CertificateSource } from './listener/certificate.ts';
import type { ListenerSettings } from './listener/listener-settings.ts';
import type { NodeListener } from './listener/node/listener.ts';
import { openUwsListener, type UwsListener } from './listener/uws/listener.ts';
import { openNodeListener } from './open-node-listener.ts';
import { createProofReader } from './proof-certificates.ts';

/** What both engines offer. */
export interface FrontListener {
  readonly port: number;
  readonly connectionsOpen: number;
  /** Since it opened. */
  readonly connections: number;
  readonly webSocketsOpen: number;
  configure(settings: ListenerSettings): void;
  /** Accepts nothing any more; answers from now on close their connections. */
  drain(): void;
  /** Cuts what is still open. */
  closeAll(): void;
}

/** Certificates, wherever they come from, that are looked after until they are closed. */
export type OwnedCertificates = CertificateSource & Kept;

export interface FrontListenerOptions {
  readonly entryPoint: EntryPoint;
  readonly handler: ExchangeHandler;
  readonly settings: ListenerSettings;
  /** Null without TLS; closed together with the listener. */
  readonly certificates: OwnedCertificates | null;
  /** Null where clients get no certificates on demand. */
  readonly demanded: DemandedCertificates | null;
  /** What session tickets are sealed with is made of it. */
  readonly secret: string;
  readonly events: Events;
}

/** Opens an address; rejects with an Error when it, or its TLS, can't be had. */
export async function openFrontListener(options: FrontListenerOptions): Promise<FrontListener> {
  if (options.entryPoint.engine === 'uws') {
    return options.certificates === null ? openUws(options) : new RenewedListener(options);
  }
  const { entryPoint, certificates, demanded, secret } = options;
  const { name, host, port, http2, tls, proxyFrom } = entryPoint;
  const balancers = new Trust(proxyFrom);
  const { handler, settings } = options;
  const listener = await openNodeListener({
    name,
    host,
    port,
    handler,
    settings,
    http2,
    isBalancer: (address) => balancers.has(address),
    ...(tls === null || certificates === null
      ? {}
      : {
          strictTransport: tls.hsts ?? '',
          tls: {
            certificates: certificates.current,
            secret,
            proofFor: createProofReader(tls.proofStorage),
            demand: demanded === null ? null : (asked, done) => demanded.find(asked, done),
            settings: {
              profile: tls.profile,
              clientAuth: {
                mode: tls.clientAuth.mode,
                ca: textOf(tls.clientAuth.caFile),
                crl: textOf(tls.clientAuth.crlFile),
              },
            },
          },
        }),
  });
  certificates?.watch(() => recertify(listener, options));
  return certificates === null ? listener : new CertifiedListener(listener, certificates);
}

function openUws({
  entryPoint,
  handler,
  settings,
  certificates,
}: FrontListenerOptions): UwsListener {
  const { name, host, port, tls } = entryPoint;
  return openUwsListener({
    name,
    host,
    port,
    handler,
    settings,
    tls: certificates?.current[0] ?? null,
    strictTransport: tls?.hsts ?? '',
  });
}

function recertify(listener: NodeListener, { certificates, events }: FrontListenerOptions): void {
  try {
    listener.recertify(certificates!.current);
  } catch (error) {
    const reason = messageOf(error);
    events.error({ reason }, 'certificates can not be used, the last good ones stay');
  }
}

function textOf(file: string | null): string | null {
  return file === null ? null : readFileSync(file, 'latin1');
}

/** A listener and the certificates that end with it. */
class CertifiedListener implements FrontListener {
  readonly #listener: FrontListener;
  readonly #certificates: OwnedCertificates;

  constructor(listener: FrontListener, certificates: OwnedCertificates) {
    this.#listener = listener;
    this.#certificates = certificates;
  }

  get port(): number {
    return this.#listener.port;
  }
  get connectionsOpen(): number {
    return this.#listener.connectionsOpen;
  }
  get connections(): number {
    return this.#listener.connections;
  }
  get webSocketsOpen(): number {
    return this.#listener.webSocketsOpen;
  }

  configure(settings: ListenerSettings): void {
    this.#listener.configure(settings);
  }

  drain(): void {
    this.#certificates.close();
    this.#listener.drain();
  }

  closeAll(): void {
    this.#certificates.close();
    this.#listener.closeAll();
  }
}

/**
 * uWebSockets.js reads its certificate once: a new one is served by a second listener on the same port, and
 * the one before accepts no more.
 */
class RenewedListener implements FrontListener {
  readonly #options: FrontListenerOptions;
  #settings: ListenerSettings;
  #current: UwsListener;
  /** Those before, until their last connection is gone. */
  #retired: UwsListener[] = [];
  #connectionsBefore = 0;

  constructor(options: FrontListenerOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#current = openUws(options);
    options.certificates!.watch(() => this.#renew());
  }

  get port(): number {
    return this.#current.port;
  }

  get connectionsOpen(): number {
    return this.#sum((listener) => listener.connectionsOpen);
  }

  get connections(): number {
    return this.#connectionsBefore + this.#sum((listener) => listener.connections);
  }

  get webSocketsOpen(): number {
    return this.#sum((listener) => listener.webSocketsOpen);
  }

  configure(settings: ListenerSettings): void {
    this.#settings = settings;
    for (const listener of this.#all()) listener.configure(settings);
  }

  drain(): void {
    this.#options.certificates!.close();
    for (const listener of this.#all()) listener.drain();
  }

  closeAll(): void {
    this.#options.certificates!.close();
    for (const listener of this.#all()) listener.closeAll();
  }

  #all(): UwsListener[] {
    return [this.#current, ...this.#retired];
  }

  #renew(): void {
    const { entryPoint, events } = this.#options;
    try {
      const next = openUws({
        ...this.#options,
        settings: this.#settings,
        entryPoint: { ...entryPoint, port: this.port },
      });
      this.#current.close();
      this.#retired.push(this.#current);
      this.#current = next;
    } catch (error) {
      const reason = messageOf(error);
      events.error({ reason }, 'certificates can not be used, the last good ones stay');
      return;
    }
    this.#retired = this.#retired.filter((listener) => {
      if (listener.connectionsOpen > 0) return true;
      this.#connectionsBefore += listener.connections;
      listener.closeAll();
      return false;
    });
  }

  #sum(count: (listener: UwsListener) => number): number {
    let sum = 0;
    for (const listener of this.#all()) sum += count(listener);
    return sum;
  }
}
