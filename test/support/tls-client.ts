// A client over TLS for tests: handshakes that are looked at, sessions that come back, requests, and a load
// that goes on while something changes.

import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';

const HOST = '127.0.0.1';
const TIMEOUT_MS = 10_000;

export interface Shaken {
  readonly certificate: PeerCertificate;
  readonly protocol: string | null;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Load {
  readonly done: number;
  /** Ends it and returns what went wrong. */
  stop(): Promise<string[]>;
}

export class TlsClient {
  readonly #trusted: { readonly ca: string; readonly servername: string };

  /** Trusts `ca` (PEM) and asks for `servername` unless options say otherwise. */
  constructor(ca: string, servername: string) {
    this.#trusted = { ca, servername };
  }

  /** One handshake. */
  shake(port: number, options: object = {}): Promise<Shaken> {
    return this.#handshake(port, options, 'secureConnect', (socket) => ({
      certificate: socket.getPeerCertificate(),
      protocol: socket.getProtocol(),
    }));
  }

  /** A session to be resumed; with TLS 1.3 it comes after the handshake. */
  sessionOf(port: number, options: object): Promise<Buffer> {
    return this.#handshake(port, options, 'session', (_, session) => session as Buffer);
  }

  /** Whether a handshake with a session is the short one. */
  resumes(port: number, options: object): Promise<boolean> {
    return this.#handshake(port, options, 'secureConnect', (socket) => socket.isSessionReused());
  }

  get(port: number, options: RequestOptions = {}): Promise<Got> {
    return new Promise((resolve, reject) => {
      const asked = httpsRequest(
        { port, host: HOST, ...this.#trusted, agent: false, ...options },
        (answer) => {
          let body = '';
          answer.setEncoding('utf8').on('data', (text: string) => {
            body += text;
          });
          answer.on('error', reject);
          answer.on('end', () => {
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
          });
        },
      );
      asked.on('error', reject);
      asked.end();
    });
  }

  /** Clients that keep their connections and ask one request after the other; 200 is what they expect. */
  keepAsking(port: number, clients = 4): Load {
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const failures: string[] = [];
    let isStopped = false;
    let done = 0;
    const running = Array.from({ length: clients }, async () => {
      while (!isStopped) {
        try {
          const { status } = await this.get(port, { agent });
          if (status !== 200) failures.push(`status ${status}`);
        } catch (error) {
          failures.push(String(error));
        }
        done += 1;
      }
    });
    return {
      get done() {
        return done;
      },
      async stop() {
        isStopped = true;
        await Promise.all(running);
        agent.destroy();
        return failures;
      },
    };
  }

  #handshake<Result>(
    port: number,
    options: object,
    event: 'secureConnect' | 'session',
    read: (socket: TLSSocket, value: unknown) => Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: HOST, ...this.#trusted, ...options });
      socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no ${event} came`)));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed before ${event}`)));
      socket.on(event, (value?: unknown) => {
        resolve(read(socket, value));
        socket.destroy();
      });
    });
  }
}
