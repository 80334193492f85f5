// Where log bytes go: a file (sonic-boom) or whoever reads our standard output and error. Never blocks the
// event loop, holds a bounded number of bytes, and refuses what does not fit.

import { closeSync, fstatSync, openSync, type Stats, stat, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import sonicBoom from 'sonic-boom';

/** Takes batches of whole lines and keeps each batch in one piece on its way out. */
export interface LogOutput {
  /** Largest batch in bytes that other processes' lines can't come in between of. */
  readonly batchBytesMax: number;
  /** False: full, nothing of `bytes` was taken. */
  write(bytes: Buffer): boolean;
  /** Opens the file anew (log rotation); does nothing for standard output and error. */
  reopen(): void;
  /** Looks whether the file was moved or removed, and if so opens it anew. */
  reopenIfMoved(): void;
  /** Writes what can be written without waiting; for the moment before the process ends. */
  flushNow(): void;
  /** Writes what waits and stops; settles after `deadlineMs` even when nobody reads. */
  close(deadlineMs: number): Promise<void>;
}

export interface LogOutputOptions {
  /** Path of a file to append to, or the descriptor 1 or 2. */
  readonly target: string | 1 | 2;
  /** Bytes that may wait to be written. */
  readonly bufferBytesMax: number;
  /** Told when writing fails, once for every row of equal failures. */
  readonly onProblem: (error: Error) => void;
}

// Each write wakes a thread of the pool and this one again: some 200 lines share that.
const FILE_BATCH_BYTES = 64 * 1024;
// A pipe keeps whole what fits into PIPE_BUF: 4096 bytes on Linux.
const PIPE_BATCH_BYTES = 4096;

/** Opens an output; throws when the file can't be opened, which is meant for boot. */
export function openLogOutput(options: LogOutputOptions): LogOutput {
  if (typeof options.target === 'string') {
    // Opened twice: sonic-boom opens later, and at boot the operator wants to know now.
    checkLogFile(options.target);
    return new FileOutput(options);
  }
  const stat = fstatSync(options.target);
  return stat.isFIFO() || stat.isSocket() ? new StreamOutput(options) : new FileOutput(options);
}

/** Throws an Error that says why when `file` can't be appended to; makes it when it is not there. */
export function checkLogFile(file: string): void {
  closeSync(openSync(file, 'a'));
}

/** Files, terminals and devices: written by the thread pool. */
class FileOutput implements LogOutput {
  readonly batchBytesMax = FILE_BATCH_BYTES;
  readonly #stream: sonicBoom.SonicBoom;
  readonly #file: string | null;
  #dropped = false;
  #isClosed = false;
  /** The file that is open, to tell it from another one of the same name. */
  #identity: Pick<Stats, 'dev' | 'ino'> | null = null;

  constructor(options: LogOutputOptions) {
    this.#file = typeof options.target === 'string' ? options.target : null;
    this.#stream = new sonicBoom.SonicBoom({
      ...(typeof options.target === 'string' ? { dest: options.target } : { fd: options.target }),
      sync: false,
      contentMode: 'buffer',
      maxWrite: FILE_BATCH_BYTES,
      maxLength: options.bufferBytesMax,
    });
    this.#stream.on('drop', () => {
      this.#dropped = true;
    });
    let lastProblem = '';
    this.#stream.on('error', (error: Error) => {
      if (error.message !== lastProblem) options.onProblem(error);
      lastProblem = error.message;
    });
    this.#stream.on('write', () => {
      lastProblem = '';
    });
    this.#stream.on('ready', () => this.#identify());
  }

  write(bytes: Buffer): boolean {
    if (this.#isClosed) return false;
    this.#dropped = false;
    // The package's types know text only; contentMode 'buffer' takes bytes. `drop` comes synchronously.
    (this.#stream as unknown as { write(bytes: Buffer): boolean }).write(bytes);
    return !this.#dropped;
  }

  reopen(): void {
    if (this.#file !== null && !this.#isClosed) this.#stream.reopen(this.#file);
  }

  reopenIfMoved(): void {
    const open = this.#identity;
    if (this.#file === null || open === null) return;
    stat(this.#file, (error, now) => {
      const isSame = error === null && now.ino === open.ino && now.dev === open.dev;
      if (!isSame && this.#identity === open) this.reopen();
    });
  }

  flushNow(): void {
    if (this.#isClosed) return;
    try {
      this.#stream.flushSync();
    } catch {
      // Not open yet, or broken: there is no place left to say so.
    }
  }

  close(deadlineMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#stream.destroy(), deadlineMs);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#stream.once('close', done);
      this.#stream.once('error', done);
      this.#stream.end();
    });
  }

  #identify(): void {
    // Not in the package's types: the descriptor that is open now.
    const { fd } = this.#stream as unknown as { readonly fd: number };
    this.#identity = fstatSync(fd);
  }
}

/**
 * Pipes and sockets: written by the event loop when the reader is ready. sonic-boom would hold a thread of
 * the pool in write(2) while nobody reads, and a process with such a thread can't exit.
 */
class StreamOutput implements LogOutput {
  readonly batchBytesMax = PIPE_BATCH_BYTES;
  readonly #stream: Socket;
  readonly #fd: 1 | 2;
  readonly #bytesMax: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #isBroken = false;
  #onIdle: (() => void) | null = null;

  constructor(options: LogOutputOptions) {
    this.#fd = options.target as 1 | 2;
    this.#stream = (this.#fd === 1 ? process.stdout : process.stderr) as unknown as Socket;
    this.#bytesMax = options.bufferBytesMax;
    this.#stream.on('error', (error: Error) => {
      if (!this.#isBroken) options.onProblem(error);
      this.#isBroken = true;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#onIdle?.();
    });
  }

  write(bytes: Buffer): boolean {
    if (this.#isBroken || this.#waitingBytes + bytes.length > this.#bytesMax) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isWriting) this.#writeNext();
    return true;
  }

  reopen(): void {}
  reopenIfMoved(): void {}

  flushNow(): void {
    try {
      for (const bytes of this.#waiting) writeSync(this.#fd, bytes);
    } catch {
      // Full: whoever does not read does not get the last lines.
    }
    this.#waiting = [];
  }

  close(deadlineMs: number): Promise<void> {
    if (!this.#isWriting || this.#isBroken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One batch at a time: several in one writev(2) would not stay whole in a pipe. */
  #writeNext(): void {
    const bytes = this.#waiting.shift();
    this.#isWriting = bytes !== undefined;
    if (bytes === undefined) {
      this.#onIdle?.();
      return;
    }
    this.#stream.write(bytes, () => {
      this.#waitingBytes -= bytes.length;
      if (!this.#isBroken) this.#writeNext();
    });
  }
}
