// Where access log lines go: batched in memory, written off the event loop, bounded. When the reader
// can't keep up, lines are dropped and counted; no exchange ever waits for its line.

import type { Exchange } from '../core/exchange.ts';
import { limits } from '../core/limits.ts';
import { wallMsAt } from '../std/clock.ts';
import { createCombinedLine, createJsonLine, type LineWriter, type Moment } from './access-line.ts';
import { LineBuffer } from './line-buffer.ts';
import { type LogOutput, openLogOutput } from './log-output.ts';

export interface AccessLogOptions {
  readonly format: 'json' | 'combined';
  /** Path of the file, appended to; `-` for standard output. */
  readonly file: string;
  /** Told when writing fails. */
  readonly onProblem: (error: Error) => void;
  /** Bytes of lines that may wait to be written; limits.logBufferBytes by default. */
  readonly bufferBytesMax?: number;
}

const VALUE_CHARS_MAX = 4096;
// Six values of the client, each character up to six bytes long, in PIPE_BUF.
const VALUE_CHARS_MIN = 64;

const FLUSH_EVERY_MS = 250;
// A rotated file gets lines this long at most, signal or not.
const LOOK_EVERY_FLUSHES = 8;

/** Creates the access log, or null when it is off: what is disabled costs one compare. */
export function createAccessLog(
  options: Omit<AccessLogOptions, 'format'> & { readonly format: 'json' | 'combined' | 'off' },
): AccessLog | null {
  return options.format === 'off' ? null : new AccessLog({ ...options, format: options.format });
}

export class AccessLog {
  #drops = 0;
  readonly #writeLine: LineWriter;
  readonly #output: LogOutput;
  readonly #flushTimer: NodeJS.Timeout;
  readonly #onExit = () => this.#flushNow();
  readonly #batch: LineBuffer;
  readonly #moment: Moment = { durationMs: 0, wallMs: 0 };
  #batchLines = 0;
  #flushes = 0;

  constructor(options: AccessLogOptions) {
    this.#writeLine = options.format === 'json' ? createJsonLine() : createCombinedLine();
    this.#output = openLogOutput({
      target: options.file === '-' ? 1 : options.file,
      bufferBytesMax: options.bufferBytesMax ?? limits.logBufferBytes,
      onProblem: options.onProblem,
    });
    this.#batch = new LineBuffer(this.#output.batchBytesMax);
    // One timer per process: a quiet proxy writes its last lines soon.
    this.#flushTimer = setInterval(() => this.#onTimer(), FLUSH_EVERY_MS).unref();
    process.on('exit', this.#onExit);
  }

  /** Lines given up since the log was opened: nobody read them in time, or the file failed. */
  get drops(): number {
    return this.#drops;
  }

  /** Takes the line of a finished exchange. */
  record(exchange: Exchange, durationMs: number): void {
    this.#moment.durationMs = durationMs;
    this.#moment.wallMs = wallMsAt(exchange.startedAtMs + durationMs);
    if (!this.#fits(exchange, VALUE_CHARS_MAX)) {
      this.flush();
      if (!this.#fits(exchange, VALUE_CHARS_MAX)) this.#fits(exchange, VALUE_CHARS_MIN);
    }
    this.#batchLines += 1;
  }

  /** Appends the line to the batch; false when there is no room for it, and nothing was appended. */
  #fits(exchange: Exchange, valueCharsMax: number): boolean {
    const before = this.#batch.length;
    this.#writeLine(this.#batch, exchange, this.#moment, valueCharsMax);
    if (!this.#batch.isOver) return true;
    this.#batch.cut(before);
    return false;
  }

  /** Hands what is batched to the writer. */
  flush(): void {
    if (this.#batchLines === 0) return;
    if (!this.#output.write(this.#batch.take())) this.#drops += this.#batchLines;
    this.#batchLines = 0;
  }

  /** Opens the file anew after it was moved away (log rotation); standard output stays as it is. */
  reopen(): void {
    this.flush();
    this.#output.reopen();
  }

  /** Writes what waits and stops; settles after `deadlineMs` even when nobody reads. */
  close(deadlineMs = 1000): Promise<void> {
    this.flush();
    clearInterval(this.#flushTimer);
    process.removeListener('exit', this.#onExit);
    return this.#output.close(deadlineMs);
  }

  #onTimer(): void {
    this.flush();
    this.#flushes += 1;
    if (this.#flushes % LOOK_EVERY_FLUSHES === 0) this.#output.reopenIfMoved();
  }

  #flushNow(): void {
    this.flush();
    this.#output.flushNow();
  }
}
