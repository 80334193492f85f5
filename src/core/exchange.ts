// One request and its response, from the listener to the log line.

import type { CachedVariant, CacheFetch, CacheStatus } from './cache.ts';
import type { ProxyError } from './errors.ts';
import type { RawHeaders } from './headers.ts';
import type { Peer } from './peer.ts';
import type { Plan } from './plan.ts';
import type { BodyFacts, RequestBody } from './request-body.ts';
import type { Sink, Source } from './sink.ts';
import type { WebSocketOffer } from './tunnel.ts';

/** Facts about the entry point an exchange came in by; one frozen object per listener. */
export interface Entry {
  /** Name of the listener for logs and metrics. */
  readonly listener: string;
  readonly scheme: 'http' | 'https';
  /** Port the client connected to. */
  readonly port: number;
  /**
   * Who the client is by a certificate that was verified, as X-Forwarded-Client-Cert tells it; then the
   * object is that of the connection. Left out: there is none.
   */
  readonly clientCertificate?: string;
}

/** Tells an address when somebody wants it: it costs a system call, 8 % of a small request. */
export interface RemoteAddress {
  /** Canonical text; '' when the client is gone already. */
  remoteAddress(): string;
}

/** What a listener knows when the request head is complete. */
export interface RequestHead {
  readonly entry: Entry;
  readonly method: string;
  /** Origin-form target with query, byte for byte as received, e.g. `/a/../b?x=%2F`. */
  readonly target: string;
  /** Host header as received. */
  readonly host: string;
  readonly headers: RawHeaders;
  /** Canonical text of the other end of the client's connection, e.g. `192.0.2.1`, or whom to ask. */
  readonly remoteAddress: string | RemoteAddress;
  readonly body: RequestBody | null;
  /** Set when the client asks to upgrade to WebSocket. */
  readonly webSocket: WebSocketOffer | null;
}

/** In `Exchange.headAtMs`: when it is finished. */
export const HEAD_AT_END = -1;

/** Something that an exchange has while it lasts. */
export interface Held {
  /** What it has besides. */
  readonly next: Held | null;
  /** Called once, when the exchange is finished. */
  release(): void;
}

/**
 * One class, every field set in the constructor: one hidden class. Strings are byte strings (see
 * RawHeaders). Field groups: request, decision, response, account.
 */
export class Exchange {
  readonly entry: Entry;
  readonly method: string;
  /** How the client came, as far as trusted proxies tell. */
  scheme: 'http' | 'https';
  /** As received, for the log; without credentials. */
  receivedTarget: string;
  /** Who the client proved to be; '' for nobody. */
  user = '';
  /** What a verified token says about them; null without one. */
  claims: Readonly<Record<string, unknown>> | null = null;
  /** Credentials of some kind were asked for and found good: the answer may be for this client alone. */
  isIdentified = false;
  /** As the policy of targets left it, later as filters rewrote it: what the peer gets. */
  target: string;
  host: string;
  /** As received from the client, until forward replaces it by what the peer gets (end-to-end only). */
  requestHeaders: RawHeaders;
  requestBody: RequestBody | null;
  readonly webSocket: WebSocketOffer | null;
  #remote: string | RemoteAddress;
  #client: string | null = null;
  /** Correlates log, peer and client; set by serve. */
  requestId = '';
  /** `performance.now()` when the head was complete. */
  readonly startedAtMs: number;
  /** The same when it last went on after it had waited; `startedAtMs` while it never did. */
  wentOnAtMs: number;

  plan: Plan | null = null;
  /** Parts of the path by the names in the pattern of the route; null without names. */
  captures: ReadonlyMap<string, string> | null = null;
  /** Of a body that a condition may ask for; null for all others. */
  bodyFacts: BodyFacts | null = null;
  peer: Peer | null = null;
  attempts = 0;
  /** An attempt holds `peer` (counted in its `inFlight`). */
  holdsPeer = false;
  tried: Peer[] | null = null;
  /** The peer that the client's session is on; null without one. Set by the plan's session. */
  sessionPeer: Peer | null = null;
  /** The client is to be told again where its session is, so that it goes on. */
  sessionIsDue = false;
  /** What must be cancelled if the client leaves: the running attempt or response. */
  running: Source | null = null;

  /** Where the response goes; set by the listener. */
  client: Sink;
  status = 0;
  /** End-to-end fields only: never connection, content-length, transfer-encoding, keep-alive, date. */
  responseHeaders: RawHeaders = [];
  /** Date of the peer's response as received, '' without; the client gets the engine's own. */
  responseDate = '';
  /** Body length in bytes as will be declared to the client; -1 unknown; for HEAD/304 the declared one. */
  responseByteLength = -1;
  /** Fields after the body, set by the transport before the sink's `end`; null for none. */
  responseTrailers: RawHeaders | null = null;
  failure: ProxyError | null = null;
  /** What the cache did; null where none is used. */
  cacheStatus: CacheStatus | null = null;
  /** Set while its response is to be stored, and others may wait for it; null for all other exchanges. */
  cacheFetch: CacheFetch | null = null;
  /**
   * The stored answer whose whole body is sent, or that was stored while it was; null for any other response.
   */
  cached: CachedVariant | null = null;
  /** What the client said in Accept-Encoding where the peer is not told; null: see `requestHeaders`. */
  acceptEncoding: string | null = null;
  /** Content coding that the proxy put on the body; '' for none. */
  encoding = '';
  /** Length in bytes of the body before that. */
  plainBytes = 0;

  /** Body bytes given to the client's connection. */
  bytesSent = 0;
  /** Body bytes received from the client. */
  bytesReceived = 0;
  /**
   * `performance.now()` at the response head, the peer's or the store's; 0 when there was none, HEAD_AT_END
   * until it is finished when all of it leaves at once.
   */
  headAtMs = 0;
  finished = false;
  /** What is given back when it is finished; null for nothing. */
  held: Held | null = null;

  constructor(head: RequestHead, client: Sink, startedAtMs: number) {
    this.entry = head.entry;
    this.method = head.method;
    this.scheme = head.entry.scheme;
    this.receivedTarget = head.target;
    this.target = head.target;
    this.host = head.host;
    this.requestHeaders = head.headers;
    this.requestBody = head.body;
    this.webSocket = head.webSocket;
    this.#remote = head.remoteAddress;
    this.client = client;
    this.startedAtMs = startedAtMs;
    this.wentOnAtMs = startedAtMs;
  }

  /** The other end of the client's connection; must be asked for before the response is over. */
  get remoteAddress(): string {
    if (typeof this.#remote !== 'string') this.#remote = this.#remote.remoteAddress();
    return this.#remote;
  }

  /** Who the client is: `remoteAddress`, or what a trusted proxy told. */
  get clientAddress(): string {
    return this.#client ?? this.remoteAddress;
  }

  set clientAddress(address: string) {
    this.#client = address;
  }

  /** Finds out the address now, because it will be wanted when the client is gone. */
  settleAddress(): void {
    if (typeof this.#remote !== 'string') this.#remote = this.#remote.remoteAddress();
  }
}

/** What a listener hands its exchanges to; implemented by worker/serve. */
export interface ExchangeHandler {
  /** A request head is complete. Never throws; the response may come synchronously or much later. */
  serve(exchange: Exchange): void;
  /**
   * In place of `serve`: the listener found a reason not to serve (malformed, one too many, client already
   * gone). The handler answers with the failure and accounts for it like any other exchange.
   */
  refuse(exchange: Exchange, error: ProxyError): void;
  /**
   * The client left before its response was complete. The listener has already invalidated the sink;
   * the handler cancels what runs. `finished` follows from the listener.
   */
  aborted(exchange: Exchange): void;
  /** Called by the listener exactly once per exchange, when nothing more will be sent to the client. */
  finished(exchange: Exchange): void;
}
