// How fast an upload comes: who sends a byte now and then, just often enough not to be idle, holds a peer for
// as long as it likes.

import type { ListenerSettings } from './listener-settings.ts';
import type { Sweeper } from './sweeper.ts';

export class UploadPace {
  /** Of the sweeper, in which nobody but the client held the upload up. */
  #ticks = 0;
  /** What had come when they began. */
  #bytesBefore = 0;

  /** Called once a tick of the sweeper; tells whether it was too slow for as long as it may be. */
  isTooSlow(receivedBytes: number, settings: ListenerSettings, sweeper: Sweeper): boolean {
    const { uploadBytesPerSecond, uploadPaceMs } = settings;
    if (uploadBytesPerSecond === 0) return false;
    this.#ticks += 1;
    if (this.#ticks < sweeper.ticks(uploadPaceMs)) return false;
    const seconds = (this.#ticks * sweeper.tickMs) / 1000;
    const bytes = receivedBytes - this.#bytesBefore;
    this.restart(receivedBytes);
    return bytes < uploadBytesPerSecond * seconds;
  }

  /** The client was not asked for more: what it did meanwhile does not count. */
  restart(receivedBytes: number): void {
    this.#ticks = 0;
    this.#bytesBefore = receivedBytes;
  }
}
