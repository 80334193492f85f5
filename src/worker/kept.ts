// Things with a lifetime that compiled plans hold on to: tables, watched files, clients of other servers.
// Kept while their settings stay the same, closed when no configuration uses them any more.

/** Something with an end. */
export interface Kept {
  /** Releases everything; whoever still holds it gets harmless answers. */
  close(): void;
}

export class KeptParts {
  #active = new Map<string, Kept>();
  /** Asked for since the last `settle`. */
  #wanted = new Map<string, Kept>();

  /**
   * Returns the part of that key, made by `create` unless the running configuration has it already. The key
   * says what it is and all that it depends on, e.g. `rate-limit:` and its settings as JSON.
   */
  get<Part extends Kept>(key: string, create: () => Part): Part {
    const part = this.#wanted.get(key) ?? this.#active.get(key) ?? create();
    this.#wanted.set(key, part);
    return part as Part;
  }

  /** The snapshot compiled since the last call is live: what it does not use is closed. */
  settle(): void {
    const before = this.#active;
    this.#active = this.#wanted;
    this.#wanted = new Map();
    for (const [key, part] of before) if (!this.#active.has(key)) part.close();
  }

  /** The snapshot compiled since the last `settle` will not be used. */
  discard(): void {
    for (const [key, part] of this.#wanted) if (!this.#active.has(key)) part.close();
    this.#wanted = new Map();
  }

  closeAll(): void {
    this.discard();
    for (const part of this.#active.values()) part.close();
    this.#active = new Map();
  }
}
