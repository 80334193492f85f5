// A body that is not kept, on its way to those who read it: they get it as it comes, at the pace of the
// slowest, whose patience with one another is bounded. It may have begun as one that was held; then what was
// held goes first.

import type { Source } from '../../core/sink.ts';
import type { Audience } from './audience.ts';
import type { Pace } from './pace.ts';

/** Whose body it is; implemented by fill.ts. */
export interface LiveOwner {
  readonly audience: Audience;
  /** Where the body comes from. */
  readonly source: Source;
  /** Everybody has got what was held. */
  heldGiven(): void;
  /** The whole has come, and everybody has got what was held. */
  allGiven(): void;
}

export class LiveBody {
  readonly #owner: LiveOwner;
  readonly #pace: Pace | null;
  /** Came while some still read what was held; null when nobody does. */
  #late: Uint8Array[] | null;
  #hasEnded = false;

  /** `pace`: of those who read what was held before; null when nothing was. */
  constructor(owner: LiveOwner, pace: Pace | null) {
    this.#owner = owner;
    this.#pace = pace;
    this.#late = pace === null ? null : [];
  }

  write(chunk: Uint8Array): boolean {
    const { audience } = this.#owner;
    const wantsMore = this.#late === null && audience.relay(chunk);
    this.#late?.push(new Uint8Array(chunk));
    this.paceChanged();
    return wantsMore;
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#late === null) this.#owner.allGiven();
  }

  /** Somebody reads slower than before, or quicker. */
  paceChanged(): void {
    this.#pace?.update(this.#owner.audience.isHeldUp);
  }

  /** Somebody is not behind any more, or is gone. */
  caughtUp(): void {
    const { audience, source } = this.#owner;
    this.paceChanged();
    const hasGiven = this.#late === null || this.#giveLate(this.#late);
    if (hasGiven && !this.#hasEnded && !audience.isBlocked) source.resume();
  }

  close(): void {
    this.#pace?.close();
  }

  /** Returns whether more may come. */
  #giveLate(late: readonly Uint8Array[]): boolean {
    const { audience } = this.#owner;
    if (!audience.isCaughtUp) return false;
    this.#late = null;
    this.#owner.heldGiven();
    for (const chunk of late) audience.relay(chunk);
    if (this.#hasEnded) this.#owner.allGiven();
    return late.length > 0;
  }
}
