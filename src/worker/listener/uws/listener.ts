// A public address served by uWebSockets.js: opens it, counts what is on it, drains and closes it. All
// that is peculiar to the engine stays in this folder.
//
// The limit of the request head is the engine's and comes from the environment of the process
// (UWS_HTTP_MAX_HEADERS_SIZE, read when the addon loads). These it answers itself, before we hear of them,
// in pages that name it and can't be changed: a head too large or with more than 98 fields (431), a
// request line that is not `METHOD /target HTTP/1.1` (505), broken chunks, Content-Length together with
// Transfer-Encoding (400). A missing Host, a bad field name and a control byte in a field value it lets
// wait for more until it closes the connection after 8 to 12 s, as it does with idle ones.
// A request that comes while another one waits for its answer (pipelining) ends the connection. An honest
// request line is answered 505 when a segment ends behind the space after its method or between the space
// before `HTTP/1.1` and its line feed (test/contract/listener/segments.test.ts holds this down).

import * as uws from 'uWebSockets.js';
import type { Entry, ExchangeHandler } from '../../../core/exchange.ts';
import { connectedTo } from '../../../std/tcp-table.ts';
import type { CertificateFiles } from '../certificate.ts';
import type { ListenerSettings } from '../listener-settings.ts';
import { Sweeper } from '../sweeper.ts';
import { addressText } from './address.ts';
import { ClientCensus } from './client-census.ts';
import { webSocketBehavior } from './client-websocket.ts';
import { HeadMemo } from './head-memo.ts';
import { Intake } from './intake.ts';
import type { ListenerState } from './listener-state.ts';
import { SoleClient } from './sole-client.ts';
import { UpgradeShelter } from './upgrade-shelter.ts';

/** All slow things are looked at this often; the limits for them are exact to one such step. */
const TICK_MS = 1000;

const TLS12_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

export interface UwsListenerOptions {
  readonly name: string;
  /** Null for every address, IPv4 and IPv6; `unix:PATH` for a unix socket. */
  readonly host: string | null;
  /** 0 for any free one. */
  readonly port: number;
  readonly handler: ExchangeHandler;
  readonly settings: ListenerSettings;
  /** Files of its one certificate, read once; null or left out for plain text. */
  readonly tls?: CertificateFiles | null;
  /** Value of Strict-Transport-Security in all answers; '' or left out for none. */
  readonly strictTransport?: string;
  /** Is told about exceptions, which are bugs; default: prints them. */
  readonly report?: (error: unknown) => void;
  readonly tickMs?: number;
}

/** An open listener. */
export class UwsListener {
  /** Where it listens; 0 on a unix socket. */
  readonly port: number;
  readonly #state: ListenerState;
  readonly #app: uws.TemplatedApp;
  #token: uws.us_listen_socket | null = null;
  /** Null with TLS: a connection can't be closed there before its handshake. */
  readonly #census: ClientCensus | null;
  #connectionsOpen = 0;
  #connections = 0;

  /** Throws an Error when the address can't be had. */
  constructor(options: UwsListenerOptions) {
    silenceEngine();
    const report = options.report ?? ((error) => console.error(error));
    const entry: { -readonly [K in keyof Entry]: Entry[K] } = {
      listener: options.name,
      scheme: options.tls ? 'https' : 'http',
      port: options.port,
    };
    this.#state = {
      entry,
      handler: options.handler,
      sweeper: new Sweeper(options.tickMs ?? TICK_MS, report),
      heads: new HeadMemo(),
      soleClient: new SoleClient(),
      shelter: new UpgradeShelter(),
      report,
      settings: options.settings,
      strictTransport: options.strictTransport ?? '',
      exchangesRunning: 0,
      webSocketsOpen: 0,
      overrunBytes: 0,
      isDraining: false,
      isClosed: false,
    };
    this.#census = options.tls
      ? null
      : new ClientCensus({
          look: (done) => void connectedTo(this.port).then(done),
          nowMs: () => performance.now(),
        });
    const intake = new Intake(this.#state);
    this.#app = createApp(options.tls ?? null)
      .filter((response, change) => this.#count(response, change))
      .ws(
        '/*',
        webSocketBehavior(this.#state, (response, request, context) =>
          intake.take(response, request, 'GET', context),
        ),
      )
      // Apart, because to ask the engine for a method costs 50 ns. It compares exactly.
      .get('/*', (response, request) => intake.take(response, request, 'GET', null))
      .any('/*', (response, request) => intake.take(response, request, '', null));
    this.#token = listen(this.#app, options);
    if (this.#token === null) {
      throw new Error(`cannot listen on ${options.host ?? '*'} port ${options.port}`);
    }
    entry.port = isUnix(options.host) ? 0 : uws.us_socket_local_port(this.#token);
    this.port = entry.port;
  }

  get exchangesRunning(): number {
    return this.#state.exchangesRunning;
  }

  /** Open connections, WebSockets included. */
  get connectionsOpen(): number {
    return this.#connectionsOpen;
  }

  /** Connections since the listener opened. */
  get connections(): number {
    return this.#connections;
  }

  get webSocketsOpen(): number {
    return this.#state.webSocketsOpen;
  }

  /** From now on other settings hold, also for exchanges that run. */
  configure(settings: ListenerSettings): void {
    this.#state.settings = settings;
  }

  /** Stops accepting; connections that are open go on. Those not yet accepted are lost. */
  close(): void {
    if (this.#token === null) return;
    uws.us_listen_socket_close(this.#token);
    this.#token = null;
  }

  /**
   * Stops accepting; every answer from now on asks to close its connection. Idle connections are closed by
   * the engine within 12 s. WebSockets are left to whoever joined them.
   */
  drain(): void {
    this.#state.isDraining = true;
    this.close();
  }

  /** Cuts all connections. */
  closeAll(): void {
    this.drain();
    this.#state.isClosed = true;
    this.#app.close();
    this.#state.shelter.close();
  }

  #count(response: uws.HttpResponse, change: number): void {
    this.#connectionsOpen += change;
    if (change < 0) {
      this.#state.soleClient.closed();
      return;
    }
    this.#connections += 1;
    this.#state.soleClient.opened(response);
    const { clientLimit } = this.#state.settings;
    if (clientLimit === null || this.#census === null) return;
    const address = addressText(response.getRemoteAddress());
    if (!this.#census.opened(address, clientLimit)) response.close();
  }
}

/** Opens a listener; throws an Error when the address can't be had. */
export function openUwsListener(options: UwsListenerOptions): UwsListener {
  return new UwsListener(options);
}

/** TLS 1.2 and 1.3 of BoringSSL, with the suites of Mozilla's intermediate profile for the former. */
function createApp(files: CertificateFiles | null): uws.TemplatedApp {
  if (files === null) return uws.App();
  return uws.SSLApp({
    cert_file_name: files.certFile,
    key_file_name: files.keyFile,
    ssl_ciphers: TLS12_CIPHERS,
  });
}

function listen(app: uws.TemplatedApp, options: UwsListenerOptions): uws.us_listen_socket | null {
  let token: uws.us_listen_socket | null = null;
  // The engine calls this before `listen` returns.
  const opened = (socket: uws.us_listen_socket | false): void => {
    if (socket !== false) token = socket;
  };
  const { host, port } = options;
  if (host === null) app.listen(port, opened);
  else if (isUnix(host)) app.listen_unix(opened, host.slice('unix:'.length));
  else app.listen(host, port, opened);
  return token;
}

function isUnix(host: string | null): host is string {
  return host?.startsWith('unix:') === true;
}

/** Per thread and for good: responses carry no `uWebSockets` field. */
function silenceEngine(): void {
  const { _cfg } = uws as unknown as { readonly _cfg: (option: string) => void };
  _cfg('silent');
}
