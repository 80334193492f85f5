// Seeded randomness for tests: a failing run prints its seed and can be run again.

export interface SeededRandom {
  readonly seed: number;
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  pick<T>(items: readonly T[]): T;
  bytes(length: number): Uint8Array;
  shuffle<T>(items: readonly T[]): T[];
}

/** One for all ordinary runs: what they prove must not be a matter of luck. */
const EVERYDAY_SEED = 20_261_121;

/** Takes the seed from SLUICE_TEST_SEED when that is set; `fresh` is another one each time. */
export function testSeed(): number {
  const given = process.env['SLUICE_TEST_SEED'];
  if (given === 'fresh') return Math.floor(Math.random() * 2 ** 32);
  return given === undefined ? EVERYDAY_SEED : Number(given) >>> 0;
}

/** Creates a mulberry32 generator; equal seeds give equal sequences. */
export function createSeededRandom(seed: number = testSeed()): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(next() * bound);
  return {
    seed,
    next,
    below,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new Error('nothing to pick from');
      return items[below(items.length)] as T;
    },
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
    shuffle<T>(items: readonly T[]): T[] {
      const shuffled = [...items];
      for (let at = shuffled.length - 1; at > 0; at -= 1) {
        const other = below(at + 1);
        [shuffled[at], shuffled[other]] = [shuffled[other] as T, shuffled[at] as T];
      }
      return shuffled;
    },
  };
}
