// Who has to go when a cache is full: S3-FIFO (Yang and others, SOSP 2023) over weights. What is new waits
// in a small queue; what is used there moves on to the main one, the rest leaves fast and is remembered by
// its hash, so that it goes to the main queue at once if it comes again. A use only counts: nothing moves.
//
//   new ──► small (10 %) ──used again──► main (90 %) ──► out      main: used since? back to its head
//              └──────────► out, remembered ───came again──► main
//
// A part of the small queue may be kept by the caller, in a form of its own (`newcomers`); what is used there
// goes to the main queue at once.

import { GhostTable } from './ghost-table.ts';

/** A value in the cache; `isIn` is false from the moment that it has left. */
export interface Slot<Value> {
  readonly value: Value;
  readonly isIn: boolean;
  readonly weight: number;
}

/** Uses that count; more say nothing about tomorrow. */
const usesMax = 3;
const smallShare = 0.1;

/** What is known of a value that comes. */
export interface Arrival {
  /** Of its key, 32 bits. */
  readonly hash: number;
  readonly weight: number;
  /** It was in before (`isBack`), or is a newcomer that was used. */
  readonly isWanted: boolean;
}

/** The part of the small queue that the caller keeps. */
export interface Newcomers {
  readonly weight: number;
  /** `S3Fifo.nextOrder` when the oldest of them came; Infinity when there is none. */
  readonly oldestOrder: number;
  /** The oldest have to go; `onDrop` is to be told their hashes. `onEvict` is not called for them. */
  drop(onDrop: (hash: number) => void): void;
}

class Node<Value> implements Slot<Value> {
  readonly value: Value;
  readonly hash: number;
  readonly order: number;
  weight: number;
  uses = 0;
  queue: Queue<Value> | null = null;
  newer: Node<Value> | null = null;
  older: Node<Value> | null = null;

  constructor(value: Value, hash: number, { weight, order }: { weight: number; order: number }) {
    this.value = value;
    this.hash = hash;
    this.order = order;
    this.weight = weight;
  }

  get isIn(): boolean {
    return this.queue !== null;
  }
}

class Queue<Value> {
  weight = 0;
  length = 0;
  #newest: Node<Value> | null = null;
  oldest: Node<Value> | null = null;

  add(node: Node<Value>): void {
    node.queue = this;
    node.older = this.#newest;
    node.newer = null;
    if (this.#newest !== null) this.#newest.newer = node;
    else this.oldest = node;
    this.#newest = node;
    this.weight += node.weight;
    this.length += 1;
  }

  remove(node: Node<Value>): void {
    if (node.newer !== null) node.newer.older = node.older;
    else this.#newest = node.older;
    if (node.older !== null) node.older.newer = node.newer;
    else this.oldest = node.newer;
    node.newer = null;
    node.older = null;
    node.queue = null;
    this.weight -= node.weight;
    this.length -= 1;
  }
}

export interface S3FifoOptions<Value> {
  /** Sum of the weights that are in; its own tables are the caller's to subtract (`overhead`). */
  readonly weightMax: number;
  /** Hashes remembered of what has left. */
  readonly ghostsMax: number;
  /** Called for every value that has to go, not for those that are removed. */
  readonly onEvict: (value: Value) => void;
  readonly newcomers?: Newcomers | null;
}

export class S3Fifo<Value> {
  readonly #onEvict: (value: Value) => void;
  readonly #small = new Queue<Value>();
  readonly #main = new Queue<Value>();
  readonly #ghosts: GhostTable;
  readonly #newcomers: Newcomers | null;
  readonly #onDrop = (hash: number): void => this.#ghosts.add(hash);
  #weightMax: number;
  #lastOrder = 0;

  constructor({ weightMax, ghostsMax, onEvict, newcomers = null }: S3FifoOptions<Value>) {
    this.#weightMax = weightMax;
    this.#ghosts = new GhostTable(ghostsMax);
    this.#onEvict = onEvict;
    this.#newcomers = newcomers;
  }

  get weightMax(): number {
    return this.#weightMax;
  }

  get weight(): number {
    return this.#smallWeight() + this.#main.weight;
  }

  /** Values that are in, without newcomers that the caller keeps. */
  get length(): number {
    return this.#small.length + this.#main.length;
  }

  /** Bytes of memory that it takes besides its values. */
  get overheadBytes(): number {
    return this.#ghosts.bytes;
  }

  /** Takes in a value, which may have to go at once. */
  add(value: Value, { hash, weight, isWanted }: Arrival): Slot<Value> {
    const node = new Node(value, hash, { weight, order: this.nextOrder() });
    (isWanted ? this.#main : this.#small).add(node);
    this.shrink();
    return node;
  }

  /** Whether a value of that key has left lately; forgets it. */
  isBack(hash: number): boolean {
    return this.#ghosts.take(hash, this.#main.length);
  }

  /** A number that is higher each time: when a newcomer came. */
  nextOrder(): number {
    this.#lastOrder += 1;
    return this.#lastOrder;
  }

  /** The value is wanted. */
  use(slot: Slot<Value>): void {
    const node = slot as Node<Value>;
    if (node.uses < usesMax) node.uses += 1;
  }

  /** The value has become heavier or lighter; others, or it, may have to go. */
  reweigh(slot: Slot<Value>, weight: number): void {
    const node = slot as Node<Value>;
    if (node.queue === null) return;
    node.queue.weight += weight - node.weight;
    node.weight = weight;
    this.shrink();
  }

  remove(slot: Slot<Value>): void {
    const node = slot as Node<Value>;
    node.queue?.remove(node);
  }

  /** From now on the sum of weights is at most that. */
  resize(weightMax: number): void {
    this.#weightMax = weightMax;
    this.shrink();
  }

  /** Whatever is too much has to go: to be called when a newcomer has come. */
  shrink(): void {
    while (this.weight > this.#weightMax) {
      const isSmallsTurn = this.#smallWeight() > this.#weightMax * smallShare;
      if (isSmallsTurn || this.#main.length === 0) this.#turnSmall();
      else this.#turnMain();
    }
  }

  #smallWeight(): number {
    const { weight } = this.#small;
    return this.#newcomers === null ? weight : weight + this.#newcomers.weight;
  }

  #turnSmall(): void {
    const newcomers = this.#newcomers;
    const oldestOrder = this.#small.oldest?.order ?? Number.POSITIVE_INFINITY;
    if (newcomers !== null && newcomers.oldestOrder < oldestOrder) {
      newcomers.drop(this.#onDrop);
      return;
    }
    const node = this.#small.oldest!;
    this.#small.remove(node);
    if (node.uses > 0) {
      node.uses = 0;
      this.#main.add(node);
      return;
    }
    this.#ghosts.add(node.hash);
    this.#onEvict(node.value);
  }

  #turnMain(): void {
    const node = this.#main.oldest!;
    this.#main.remove(node);
    if (node.uses > 0) {
      node.uses -= 1;
      this.#main.add(node);
    } else {
      this.#onEvict(node.value);
    }
  }
}
