// What the sidecar asks of the primary, and the answers by id. The primary answers everything it gets; the
// limit is for one that hangs.

import type { SidecarRequest } from '../channel/control.ts';
import type { PeerChange, RequestOutcome } from '../channel/peer-change.ts';

/** Longer than two rollouts with both phases at their limits, and one reload before them. */
const timeoutMs = 90_000;

/** Requests that wait; more are refused at once. */
const waitingMax = 4096;

interface Waiting {
  readonly settle: (outcome: RequestOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

export class PrimaryRequests {
  readonly #send: (request: SidecarRequest) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(send: (request: SidecarRequest) => void) {
    this.#send = send;
  }

  /** Asks for a change of peers in every worker. Never rejects. */
  changePeers(
    upstream: string,
    change: PeerChange,
    ifMatch: string | null,
  ): Promise<RequestOutcome> {
    return this.#ask((id) => ({ type: 'change-peers', id, upstream, change, ifMatch }));
  }

  /** Asks for the configuration to be read again. Never rejects. */
  reload(): Promise<RequestOutcome> {
    return this.#ask((id) => ({ type: 'reload', id }));
  }

  answer(id: number, outcome: RequestOutcome): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    waiting.settle(outcome);
  }

  /** Nobody will answer any more. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.answer(id, unanswered('Sluice is stopping'));
  }

  #ask(requestOf: (id: number) => SidecarRequest): Promise<RequestOutcome> {
    if (this.#waiting.size >= waitingMax) {
      return Promise.resolve(unanswered('too many requests wait for the primary'));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((settle) => {
      const problem = `no answer within ${timeoutMs / 1000} s; the change may still be made`;
      const timer = setTimeout(() => this.answer(id, unanswered(problem)), timeoutMs);
      this.#waiting.set(id, { settle, timer });
      this.#send(requestOf(id));
    });
  }
}

function unanswered(problem: string): RequestOutcome {
  return { kind: 'failed', who: 'primary', isRefused: false, problems: [problem] };
}
