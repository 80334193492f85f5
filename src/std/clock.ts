// Time as the code sees it, so that tests can hold it.

/** `nowMs` is monotonic (arbitrary zero); `wallMs` is Unix time. */
export interface Clock {
  nowMs(): number;
  wallMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};
