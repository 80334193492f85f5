// The body of an answer that stays on disk while it is read, by several clients perhaps. The file is open for
// as long as somebody holds it; that it is replaced or removed meanwhile changes nothing for them.

import type { StoredFile } from '../../../core/cache.ts';
import type { OpenBlob } from '../../../std/blobs/blob-file.ts';
import type { Timers } from '../../../std/timers.ts';

/** A disk that takes longer to answer counts as failing: somebody waits. */
export const diskAnswerMs = 5000;

export interface DiskFileOptions {
  readonly blob: OpenBlob;
  readonly timers: Timers;
  /** The disk can't be read, or does not answer. */
  readonly onError: (error: unknown) => void;
  readonly onClose: () => void;
}

/** Held by whoever made it. */
export class DiskFile implements StoredFile {
  readonly byteLength: number;
  readonly #options: DiskFileOptions;
  #holders = 1;

  constructor(options: DiskFileOptions) {
    this.#options = options;
    this.byteLength = options.blob.bodyBytes;
  }

  read(piece: Uint8Array, offset: number): Promise<boolean> {
    const { blob, timers, onError } = this.#options;
    return new Promise((resolve) => {
      const fail = (error: unknown) => {
        onError(error);
        resolve(false);
      };
      const stop = timers.after(diskAnswerMs, () => {
        fail(new Error(`no answer within ${diskAnswerMs} ms`));
      });
      blob.read(piece, offset).then(resolve, fail).finally(stop);
    });
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    const { blob, onClose } = this.#options;
    onClose();
    blob.close().catch(() => {});
  }
}
