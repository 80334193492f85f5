// The admin HTTP server: opens the address of the current configuration, guards it, and hands requests to
// its routes. An address in use is an event and tried again, never the end of the process.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Events } from '../core/events.ts';
import { type AdminAnswer, type ProblemCode, problem, text } from './admin-answer.ts';
import { refusal } from './admin-guard.ts';
import { type AdminRoute, findRoute, type RouteMatch } from './admin-routes.ts';
import { readJson } from './read-json.ts';

export interface AdminAddress {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
}

/** Limits of the admin server: few, short and small requests. */
const connectionsMax = 64;
const headBytesMax = 8 * 1024;
const timeoutMs = 5000;
const retryMs = 1000;
const closeGraceMs = 500;
/** A change that is waited for may take two rollouts and a reload (primary-requests). */
const changeTimeoutMs = 100_000;

export class AdminServer {
  readonly #routes: readonly AdminRoute[];
  readonly #events: Events;
  #address: AdminAddress = { enabled: false, host: '', port: 0 };
  #server: Server | null = null;
  /** Closed, but with requests that still run. */
  readonly #leaving = new Set<Server>();
  #retry: NodeJS.Timeout | undefined;

  constructor(routes: readonly AdminRoute[], events: Events) {
    this.#routes = routes;
    this.#events = events;
  }

  /** Port that is bound, or null. */
  get port(): number | null {
    const bound = this.#server?.address() as AddressInfo | string | null | undefined;
    return typeof bound === 'object' && bound !== null ? bound.port : null;
  }

  /** Moves to the address of a new configuration; settles after the first try to open it. */
  async follow(address: AdminAddress): Promise<void> {
    const { enabled, host, port } = this.#address;
    if (enabled === address.enabled && host === address.host && port === address.port) return;
    // Not waited for: the request that moves the address away may have come in there.
    void this.#end(changeTimeoutMs);
    this.#address = address;
    if (address.enabled) await this.#open(address);
  }

  /** Stops listening and lets running requests finish for half a second. */
  async close(): Promise<void> {
    await this.#end(closeGraceMs);
    for (const server of this.#leaving) server.closeAllConnections();
  }

  async #end(graceMs: number): Promise<void> {
    clearTimeout(this.#retry);
    this.#address = { ...this.#address, enabled: false };
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    this.#leaving.add(server);
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      server.close(() => {
        clearTimeout(cut);
        this.#leaving.delete(server);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  #open(address: AdminAddress): Promise<void> {
    const server = createServer(
      {
        maxHeaderSize: headBytesMax,
        headersTimeout: timeoutMs,
        requestTimeout: timeoutMs,
        keepAliveTimeout: timeoutMs,
        connectionsCheckingInterval: 1000,
      },
      (request, response) => this.#answer(request, response),
    );
    server.maxConnections = connectionsMax;
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const fields = { host: address.host, port: address.port, code: error.code };
        this.#events.error(fields, 'admin address cannot be opened, trying again');
        this.#retryLater(address);
        resolve();
      });
      server.listen({ host: address.host, port: address.port }, () => {
        if (this.#address !== address) {
          server.close();
          resolve();
          return;
        }
        server.on('error', (error) => {
          this.#events.warn({ error: error.message }, 'admin server');
        });
        this.#server = server;
        this.#events.info({ host: address.host, port: this.port }, 'admin address is open');
        resolve();
      });
    });
  }

  #retryLater(address: AdminAddress): void {
    if (this.#address !== address) return;
    this.#retry = setTimeout(() => void this.#open(address), retryMs);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    const isApi = url.startsWith('/api/');
    const isWrite = method !== 'GET' && method !== 'HEAD';
    response.setTimeout(isWrite ? changeTimeoutMs : timeoutMs, () => request.socket.destroy());
    const match = findRoute(this.#routes, method, url);
    const refused = this.#refuse(request, match);
    if (refused !== null) {
      const { status, code, message } = refused;
      if (match.kind === 'other-methods') response.setHeader('allow', match.allow);
      send(request, response, isApi ? problem(status, code, message) : text(status, message));
    } else if (match.kind === 'route') {
      this.#run(request, match).then(
        (answer) => {
          if (answer !== null) send(request, response, answer);
        },
        (error: unknown) => {
          this.#events.error({ path: url, error: String(error) }, 'admin request failed');
          const message = 'The sidecar failed.';
          send(request, response, isApi ? problem(500, 'failed', message) : text(500, message));
        },
      );
    }
  }

  /** Null when the client has left. */
  async #run(
    request: IncomingMessage,
    { route, params }: Extract<RouteMatch, { kind: 'route' }>,
  ): Promise<AdminAnswer | null> {
    const ifMatch = request.headers['if-match'] ?? null;
    if (route.method !== 'POST' && route.method !== 'PATCH') {
      return route.answer({ params, ifMatch, body: undefined });
    }
    const read = await readJson(request);
    if (read.kind === 'aborted') return null;
    if (read.kind === 'refused') return read.answer;
    return route.answer({ params, ifMatch, body: read.value });
  }

  #refuse(
    request: IncomingMessage,
    match: RouteMatch,
  ): { readonly status: number; readonly code: ProblemCode; readonly message: string } | null {
    const why = refusal(request, this.#address.host);
    if (why !== null) return { status: 403, code: 'forbidden', message: why };
    if (match.kind === 'nothing') {
      return { status: 404, code: 'not_found', message: 'There is nothing here.' };
    }
    if (match.kind === 'route') return null;
    const message = `Only ${match.allow} are allowed here.`;
    return { status: 405, code: 'method_not_allowed', message };
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: AdminAnswer): void {
  const body = Buffer.from(answer.body);
  // A body that nobody reads ends its connection.
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  const hasBody = (length ?? '0') !== '0' || coding !== undefined;
  if (hasBody && request.readableFlowing === null) response.setHeader('connection', 'close');
  const content = { 'content-type': answer.contentType, 'content-length': body.length };
  response.writeHead(answer.status, {
    ...(answer.status === 204 ? {} : content),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
