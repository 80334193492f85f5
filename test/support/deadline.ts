// Waiting in tests: for a condition or a promise, always with a deadline, never for a fixed time.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

/** Only a hang takes so long, on a machine however busy: never the thing that a test proves. */
export const DEADLINE_MS = 30_000;

/** Registers a clean-up: a TestContext, a suite's `{ after }`, or nothing in scripts. */
export interface Cleanup {
  after(callback: () => unknown): void;
}

export interface UntilOptions {
  /** Said in the error when the deadline passes. */
  readonly what: string;
  readonly deadlineMs?: number;
  /** Adds evidence to the error, e.g. the output of a process. */
  readonly evidence?: () => string;
}

/** Polls `condition` (quickly at first, then every few ms) until it holds; throws at the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: UntilOptions,
): Promise<void> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const endsAtMs = performance.now() + deadlineMs;
  const tooLate = () => {
    const evidence = options.evidence === undefined ? '' : `\n${options.evidence()}`;
    return new Error(`not within ${deadlineMs} ms: ${options.what}${evidence}`);
  };
  for (let turn = 0; ; turn += 1) {
    const held = condition();
    if (held === true) return;
    // A question that is never answered must not outlast the deadline either.
    if (held !== false && (await settled(held, endsAtMs - performance.now(), tooLate))) return;
    if (performance.now() > endsAtMs) throw tooLate();
    await (turn < 20 ? nextTurn() : delay(turn < 100 ? 2 : 10));
  }
}

/** Settles like `promise`, or rejects with `what` after `deadlineMs`. */
export function withDeadline<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  return settled(promise, deadlineMs, () => new Error(`not within ${deadlineMs} ms: ${what}`));
}

function settled<T>(promise: Promise<T>, leftMs: number, tooLate: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(tooLate()), Math.max(1, leftMs));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A promise and the functions that settle it. */
export interface Signal<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Makes a promise that a test settles by hand: what an origin waits for until told. */
export function createSignal<T = void>(): Signal<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
