// Makes denser encodings in the background: one at a time, on a thread of its own, and after each a rest, so
// that all of them together take no more than a share of one processor.

import type { ContentCoding } from '../../core/compression.ts';
import type { Offload } from '../../core/offload.ts';

/** More that wait are refused. */
export const JOBS_MAX = 256;

interface Work {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly coding: ContentCoding;
  readonly level: number;
}

/** One encoding to make. */
export interface EncodingJob {
  /** Called when it is its turn, so that nothing is held before; null: nobody wants it any more. */
  readonly make: () => Work | null;
  readonly made: (encoded: Uint8Array) => void;
}

export class BackgroundEncoder {
  readonly #offload: Offload;
  readonly #jobs: EncodingJob[] = [];
  /** Share of one processor, 0–1; 0: nothing is done. */
  #share = 0;
  #isBusy = false;
  #rest: NodeJS.Timeout | null = null;

  /** `offload`: with a thread that nobody else waits for. */
  constructor(offload: Offload) {
    this.#offload = offload;
  }

  get jobs(): number {
    return this.#jobs.length;
  }

  /** What may be spent from now on, 0–1 of one processor. */
  configure(share: number): void {
    this.#share = share;
    if (share === 0) this.#jobs.length = 0;
  }

  /** Returns false for what is refused. */
  add(job: EncodingJob): boolean {
    if (this.#share === 0 || this.#jobs.length === JOBS_MAX) return false;
    this.#jobs.push(job);
    this.#next();
    return true;
  }

  close(): void {
    this.configure(0);
    if (this.#rest !== null) clearTimeout(this.#rest);
  }

  #next(): void {
    if (this.#isBusy) return;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      const work = job.make();
      if (work === null) continue;
      this.#isBusy = true;
      void this.#run(job, work);
      return;
    }
  }

  async #run(job: EncodingJob, work: Work): Promise<void> {
    const startedAtMs = performance.now();
    try {
      const encoded = await this.#offload.run('encode', work, [work.body.buffer]);
      if (encoded !== null && this.#share > 0) job.made(encoded as Uint8Array);
    } catch {
      // The thread died, which its pool counts; the encoding that is there does as well.
    }
    if (this.#share === 0) {
      this.#isBusy = false;
      return;
    }
    const restMs = (performance.now() - startedAtMs) * (1 / this.#share - 1);
    this.#rest = setTimeout(() => {
      this.#isBusy = false;
      this.#next();
    }, restMs).unref();
  }
}
