// So many bytes at a time: whoever finds no room waits for his turn.

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

export class ByteGate {
  readonly #bytesMax: number;
  #bytes = 0;
  readonly #waiting: Waiting[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Resolves when there is room. What is larger than everything goes in alone. */
  enter(bytes: number): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ bytes, go });
      this.#admit();
    });
  }

  /** Gives the room back. */
  leave(bytes: number): void {
    this.#bytes -= bytes;
    this.#admit();
  }

  /** In the order of arrival: nobody is overtaken by those who need less. */
  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#bytes > 0 && this.#bytes + next.bytes > this.#bytesMax) return;
      this.#bytes += next.bytes;
      this.#waiting.shift();
      next.go();
    }
  }
}
