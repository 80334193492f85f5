// A map for what comes and goes thousands of times a second. A Map replaces its table every so often, and
// each table that is replaced points to the next: once one of them has become old, the collector of young
// objects takes all that are behind it for alive, with everything that they hold (stored misses of a cache:
// half of all CPU time). Here nothing that is gone points to anything.

import { keyHash } from './key-hash.ts';

const CHAINS_LEAST = 64;

class Node<Value> {
  readonly key: string;
  readonly hash: number;
  value: Value;
  next: Node<Value> | null;

  constructor(key: string, hash: number, { value, next }: Pick<Node<Value>, 'value' | 'next'>) {
    this.key = key;
    this.hash = hash;
    this.value = value;
    this.next = next;
  }
}

export class ChurnMap<Value> {
  #chains: (Node<Value> | null)[] = new Array(CHAINS_LEAST).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#find(key, keyHash(key))?.value;
  }

  has(key: string): boolean {
    return this.#find(key, keyHash(key)) !== null;
  }

  set(key: string, value: Value): void {
    const hash = keyHash(key);
    const known = this.#find(key, hash);
    if (known !== null) {
      known.value = value;
      return;
    }
    if (this.#size === this.#chains.length) this.#grow();
    const chain = hash & (this.#chains.length - 1);
    this.#chains[chain] = new Node(key, hash, { value, next: this.#chains[chain]! });
    this.#size += 1;
  }

  delete(key: string): void {
    const hash = keyHash(key);
    const chain = hash & (this.#chains.length - 1);
    let before: Node<Value> | null = null;
    for (let node = this.#chains[chain] ?? null; node !== null; node = node.next) {
      if (node.hash === hash && node.key === key) {
        if (before === null) this.#chains[chain] = node.next;
        else before.next = node.next;
        node.next = null;
        this.#size -= 1;
        return;
      }
      before = node;
    }
  }

  clear(): void {
    this.#chains = new Array(CHAINS_LEAST).fill(null);
    this.#size = 0;
  }

  /** The keys whose `keyHash` is that one. */
  keysOf(hash: number): string[] {
    const keys: string[] = [];
    let node = this.#chains[hash & (this.#chains.length - 1)] ?? null;
    while (node !== null) {
      if (node.hash === hash) keys.push(node.key);
      node = node.next;
    }
    return keys;
  }

  /** All values, as they are now. */
  values(): Value[] {
    const values: Value[] = [];
    for (const first of this.#chains) {
      for (let node = first; node !== null; node = node.next) values.push(node.value);
    }
    return values;
  }

  #find(key: string, hash: number): Node<Value> | null {
    let node: Node<Value> | null = this.#chains[hash & (this.#chains.length - 1)]!;
    while (node !== null && (node.hash !== hash || node.key !== key)) node = node.next;
    return node;
  }

  #grow(): void {
    const chains: (Node<Value> | null)[] = new Array(this.#chains.length * 2).fill(null);
    for (const first of this.#chains) {
      for (let node = first; node !== null; ) {
        const { next } = node;
        const chain = node.hash & (chains.length - 1);
        node.next = chains[chain]!;
        chains[chain] = node;
        node = next;
      }
    }
    this.#chains = chains;
  }
}
