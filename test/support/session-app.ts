// An application that keeps sessions in its memory, as express-session does: who comes to another process
// starts anew. And a browser with a cookie jar, on a connection of its own for each request.

import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClientResponse, request } from './client.ts';
import type { Cleanup } from './deadline.ts';

/** What an application answers: who it is, and how often the session was here. */
export interface Visit {
  readonly app: string;
  readonly visits: number;
}

export interface SessionApp {
  readonly name: string;
  readonly url: string;
  /** Headers of every request so far. */
  readonly received: readonly IncomingHttpHeaders[];
  /** Resets all connections and refuses new ones. */
  stop(): Promise<void>;
  /** Listens again at the same port; its memory is gone. */
  restart(): Promise<void>;
}

/** The cookie of the application. */
export const appCookie = 'connect.sid';

/** Starts an application; with `setsCookie` it begins a session with everybody. */
export async function startSessionApp(
  context: Cleanup,
  name: string,
  { setsCookie = false } = {},
): Promise<SessionApp> {
  const received: IncomingHttpHeaders[] = [];
  let sessions = new Map<string, number>();
  let server: Server | null = null;
  let port = 0;
  const listen = async () => {
    server = createServer((incoming, response) => {
      received.push(incoming.headers);
      let id = sessionId(incoming.headers.cookie);
      if (id === null || !sessions.has(id)) id = setsCookie ? randomUUID() : '';
      const visits = (sessions.get(id) ?? 0) + 1;
      if (visits === 1 && setsCookie) {
        const value = encodeURIComponent(`s:${id}.${signature(id)}`);
        response.setHeader('set-cookie', ['theme=dark', `${appCookie}=${value}; Path=/; HttpOnly`]);
      }
      sessions.set(id, visits);
      response.end(JSON.stringify({ app: name, visits } satisfies Visit));
    });
    const listening = server;
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject);
      listening.listen(port, '127.0.0.1', resolve);
    });
    port = (listening.address() as AddressInfo).port;
    listening.unref();
  };
  const stop = async () => {
    const stopping = server;
    server = null;
    sessions = new Map();
    if (stopping === null) return;
    await new Promise<void>((resolve) => {
      stopping.close(() => resolve());
      stopping.closeAllConnections();
    });
  };
  await listen();
  context.after(stop);
  return { name, url: `http://127.0.0.1:${port}`, received, stop, restart: listen };
}

function sessionId(cookies = ''): string | null {
  const pair = cookies.split('; ').find((each) => each.startsWith(`${appCookie}=`));
  const [id = '', sign] = decodeURIComponent(pair?.slice(appCookie.length + 1) ?? '')
    .replace(/^s:/, '')
    .split('.');
  return sign === signature(id) ? id : null;
}

function signature(id: string): string {
  return createHmac('sha256', 'the application').update(id).digest('base64url');
}

export class Browser {
  readonly #port: number;
  readonly #fields: readonly string[];
  readonly cookies = new Map<string, string>();
  /** Set-Cookie fields so far. */
  readonly told: string[] = [];

  /** `fields` are sent with every request. */
  constructor(port: number, fields: readonly string[] = []) {
    this.#port = port;
    this.#fields = fields;
  }

  /** Sends one request on a new connection, so that any worker may get it. */
  async send(): Promise<ClientResponse> {
    const pairs = [...this.cookies].map(([name, value]) => `${name}=${value}`);
    const cookie = pairs.length === 0 ? [] : [`Cookie: ${pairs.join('; ')}`];
    const response = await request(this.#port, {
      fields: [...this.#fields, ...cookie],
    });
    for (const field of response.headers('set-cookie')) {
      this.told.push(field);
      const [pair = ''] = field.split(';');
      const equals = pair.indexOf('=');
      this.cookies.set(pair.slice(0, equals), pair.slice(equals + 1));
    }
    return response;
  }

  /** Sends a request that must be served. */
  async visit(): Promise<Visit> {
    const response = await this.send();
    if (response.status !== 200) throw new Error(`${response.status} ${response.text()}`);
    return JSON.parse(response.text()) as Visit;
  }

  /** Names of those who answered so many requests, each once. */
  async meets(count: number): Promise<string[]> {
    const names = new Set<string>();
    for (let at = 0; at < count; at++) names.add((await this.visit()).app);
    return [...names];
  }
}
