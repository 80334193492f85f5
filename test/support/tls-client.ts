// A client over TLS for tests: handshakes that are looked at, sessions that come back, requests, and a load
// that goes on while something changes.

import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { type Cleanup, DEADLINE_MS, until } from './deadline.ts';

const HOST = '127.0.0.1';

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

  /**
   * Waits until new handshakes, whichever worker gets them, no longer see the certificate `fingerprint`. The
   * engine uws closes a socket that somebody may wait at (docs/tls.md); the engine node loses nobody.
   */
  async untilReplaced(port: number, engine: 'node' | 'uws', fingerprint: string): Promise<void> {
    let inARow = 0;
    await until(
      async () => {
        const shaken = await this.shake(port).catch((error: Error) => {
          if (engine === 'node') throw error;
          return null;
        });
        const isNew = shaken !== null && shaken.certificate.fingerprint256 !== fingerprint;
        inARow = isNew ? inARow + 1 : 0;
        return inARow >= 10;
      },
      { what: `new handshakes of ${engine} see the new certificate` },
    );
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
      asked.on('timeout', () => asked.destroy(new Error('no answer')));
      asked.on('error', reject);
      asked.end();
    });
  }

  /** Clients that keep their connections and ask one request after the other until the test ends; 200 is what they expect. */
  keepAsking(context: Cleanup, port: number, clients = 4): Load {
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const failures: string[] = [];
    let isStopped = false;
    let done = 0;
    const running = Array.from({ length: clients }, async () => {
      while (!isStopped) {
        try {
          const { status } = await this.get(port, { agent, timeout: DEADLINE_MS });
          if (status !== 200) failures.push(`status ${status}`);
        } catch (error) {
          failures.push(String(error));
        }
        done += 1;
      }
    });
    const stop = async () => {
      isStopped = true;
      await Promise.all(running);
      agent.destroy();
      return failures;
    };
    context.after(stop);
    return {
      get done() {
        return done;
      },
      stop,
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
      socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error(`no ${event} came`)));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed before ${event}`)));
      socket.on(event, (value?: unknown) => {
        resolve(read(socket, value));
        socket.destroy();
      });
    });
  }
}
