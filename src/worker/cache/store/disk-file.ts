// The body of an answer that stays on disk while it is read, by several clients perhaps. The file is open for
// as long as somebody holds it; that it is replaced or removed meanwhile changes nothing for them.

import type { StoredFile } from '../../../core/cache.ts';
import type { OpenBlob } from '../../../std/blobs/blob-file.ts';

export interface DiskFileOptions {
  readonly blob: OpenBlob;
  /** The disk can't be read. */
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

  async read(piece: Uint8Array, offset: number): Promise<boolean> {
    try {
      return await this.#options.blob.read(piece, offset);
    } catch (error) {
      this.#options.onError(error);
      return false;
    }
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
