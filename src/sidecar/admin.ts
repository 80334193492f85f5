// The admin HTTP server: opens the address of the current configuration, guards it, and hands requests to
// a table of handlers. An address in use is an event and tried again, never the end of the process.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Events } from '../core/events.ts';
import { refusal } from './admin-guard.ts';

export interface AdminAddress {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
}

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Handlers by path; GET and HEAD only. */
export type AdminTable = Readonly<Record<string, () => AdminAnswer | Promise<AdminAnswer>>>;

/** Limits of the admin server: few, short and small requests. */
const connectionsMax = 64;
const headBytesMax = 8 * 1024;
const timeoutMs = 5000;
const retryMs = 1000;
const closeGraceMs = 500;

export class AdminServer {
  readonly #table: AdminTable;
  readonly #events: Events;
  #address: AdminAddress = { enabled: false, host: '', port: 0 };
  #server: Server | null = null;
  #retry: NodeJS.Timeout | undefined;

  constructor(table: AdminTable, events: Events) {
    this.#table = table;
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
    await this.close();
    this.#address = address;
    if (address.enabled) await this.#open(address);
  }

  /** Stops listening and lets running requests finish for half a second. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    this.#address = { ...this.#address, enabled: false };
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => server.closeAllConnections(), closeGraceMs);
      server.close(() => {
        clearTimeout(cut);
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
    response.setTimeout(timeoutMs, () => request.socket.destroy());
    const refused = this.#refuse(request);
    if (refused !== null) {
      if (refused.status === 405) response.setHeader('allow', 'GET, HEAD');
      send(request, response, refused);
      return;
    }
    const path = pathOf(request);
    const handler = this.#table[path]!;
    Promise.resolve()
      .then(handler)
      .then(
        (answer) => send(request, response, answer),
        (error: unknown) => {
          this.#events.error({ path, error: String(error) }, 'admin request failed');
          send(request, response, text(500, 'The sidecar failed.'));
        },
      );
  }

  #refuse(request: IncomingMessage): AdminAnswer | null {
    const why = refusal(request, this.#address.host);
    if (why !== null) return text(403, why);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return text(405, 'Only GET and HEAD are allowed here.');
    }
    const isKnown = Object.hasOwn(this.#table, pathOf(request));
    return isKnown ? null : text(404, 'There is nothing here.');
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!;
}

/** Returns an answer of plain text. */
export function text(status: number, body: string): AdminAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

/** Returns an answer of JSON. */
export function json(status: number, value: unknown): AdminAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, answer: AdminAnswer): void {
  const body = Buffer.from(answer.body);
  // Nobody here wants a body: a request that brings one ends its connection, unread.
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if ((length ?? '0') !== '0' || coding !== undefined) response.setHeader('connection', 'close');
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
