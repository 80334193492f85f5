// Waiting in tests: for a condition or a promise, always with a deadline, never for a fixed time.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

export const DEADLINE_MS = 10_000;

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
  const startedAtMs = performance.now();
  for (let turn = 0; !(await condition()); turn += 1) {
    if (performance.now() - startedAtMs > deadlineMs) {
      const evidence = options.evidence === undefined ? '' : `\n${options.evidence()}`;
      throw new Error(`not within ${deadlineMs} ms: ${options.what}${evidence}`);
    }
    await (turn < 20 ? nextTurn() : delay(turn < 100 ? 2 : 10));
  }
}

/** Settles like `promise`, or rejects with `what` after `deadlineMs`. */
export function withDeadline<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not within ${deadlineMs} ms: ${what}`)),
      deadlineMs,
    );
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
