// Structured events of one process, as JSON lines on standard error (pino). Not the access log.

import { pino } from 'pino';
import type { Events } from '../core/events.ts';
import { limits } from '../core/limits.ts';
import { type LogOutput, openLogOutput } from './log-output.ts';

export type EventLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface EventLogOptions {
  readonly level: EventLevel;
  readonly role: 'primary' | 'sidecar' | 'worker' | 'cli';
  /** Slot of the worker; null in other processes. */
  readonly worker: number | null;
  /** A file instead of standard error. */
  readonly file?: string;
}

/**
 * Writes events without ever blocking the event loop: lines wait in a buffer of limits.eventBufferBytes,
 * and are dropped and counted when nobody reads.
 */
export class EventLog {
  readonly events: Events;
  #drops = 0;
  readonly #logger: ReturnType<typeof pino>;
  readonly #output: LogOutput;
  readonly #onExit = () => this.#output.flushNow();

  constructor(options: EventLogOptions) {
    this.#output = openLogOutput({
      target: options.file ?? 2,
      bufferBytesMax: limits.eventBufferBytes,
      // Standard error is gone: nobody is left to tell.
      onProblem: () => {},
    });
    const base = { role: options.role, pid: process.pid };
    this.#logger = pino(
      {
        level: options.level,
        base: options.worker === null ? base : { ...base, worker: options.worker },
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line: string) => this.#write(line) },
    );
    this.events = this.#logger;
    process.on('exit', this.#onExit);
  }

  /** Lines given up since the process started. */
  get drops(): number {
    return this.#drops;
  }

  /** Takes effect at once: a reload may change it. */
  setLevel(level: EventLevel): void {
    this.#logger.level = level;
  }

  /** Writes what waits and stops; settles after `deadlineMs` even when nobody reads. */
  close(deadlineMs = 1000): Promise<void> {
    process.removeListener('exit', this.#onExit);
    return this.#output.close(deadlineMs);
  }

  #write(line: string): void {
    if (!this.#output.write(Buffer.from(line, 'utf8'))) this.#drops += 1;
  }
}
