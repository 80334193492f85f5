// What this worker has asked the sidecar about certificates on demand, and has no answer to yet.

import type { CertificateAnswer, CertificateWanted } from '../core/certificate-link.ts';

/** Longer than a client waits for a handshake. */
const ANSWER_MS = 60_000;

export class CertificateDemands {
  readonly #send: (message: CertificateWanted) => boolean;
  readonly #open = new Map<number, (isThere: boolean) => void>();
  #lastId = 0;

  /** `send` returns false when there is no sidecar. */
  constructor(send: (message: CertificateWanted) => boolean) {
    this.#send = send;
  }

  /** Asks for a certificate; resolves with whether it is in the storage. Never rejects. */
  ask(listener: string, name: string): Promise<boolean> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.receive({ id, isThere: false }), ANSWER_MS);
      timer.unref();
      this.#open.set(id, (isThere) => {
        clearTimeout(timer);
        resolve(isThere);
      });
      const isSent = this.#send({ kind: 'certificate-wanted', id, listener, name });
      if (!isSent) this.receive({ id, isThere: false });
    });
  }

  receive({ id, isThere }: Omit<CertificateAnswer, 'kind'>): void {
    const settle = this.#open.get(id);
    this.#open.delete(id);
    settle?.(isThere);
  }

  /** The sidecar is gone, and its answers with it. */
  forget(): void {
    for (const id of [...this.#open.keys()]) this.receive({ id, isThere: false });
  }
}
