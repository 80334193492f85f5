// Attempts that wait for a connection: first in, first out, and able to leave from anywhere.

import type { Transfer } from './transfer.ts';

export class WaitingLine {
  length = 0;
  #first: Transfer | null = null;
  #last: Transfer | null = null;

  get first(): Transfer | null {
    return this.#first;
  }

  push(transfer: Transfer): void {
    transfer.previous = this.#last;
    if (this.#last === null) this.#first = transfer;
    else this.#last.next = transfer;
    this.#last = transfer;
    this.length += 1;
  }

  /** Lets one in before all others. */
  pushFirst(transfer: Transfer): void {
    transfer.next = this.#first;
    if (this.#first === null) this.#last = transfer;
    else this.#first.previous = transfer;
    this.#first = transfer;
    this.length += 1;
  }

  /** Takes one out, from wherever it stands. */
  remove(transfer: Transfer): void {
    const { previous, next } = transfer;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    transfer.previous = null;
    transfer.next = null;
    this.length -= 1;
  }
}
