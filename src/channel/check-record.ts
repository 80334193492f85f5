// What active checks make of one peer: pure rules over one record. Who asks and how often is the
// sidecar's business.
//
//   unknown ── one good ──► up ── `fall` bad in a row ──► down ── `rise` good in a row ──► up
//      └──────── `fall` bad in a row ───────────────────────▲
//   Unknown counts as usable: nobody waits for the first answer, and nobody gets all for being first.

/** What the configuration of an upstream says about its checks. */
export interface CheckPolicy {
  /** Bad checks in a row that take a peer out. */
  readonly fall: number;
  /** Good checks in a row that bring it back. */
  readonly rise: number;
}

export type CheckState = 'unknown' | 'up' | 'down';

export interface CheckRecord {
  state: CheckState;
  /** Checks in a row that speak against `state`. */
  run: number;
  /** What the last bad check found; '' none yet. */
  why: string;
  /** When the last check ended; 0 never. */
  checkedAtMs: number;
  wasGood: boolean;
}

/** Creates the record of a peer that was never checked. */
export function createCheckRecord(): CheckRecord {
  return { state: 'unknown', run: 0, why: '', checkedAtMs: 0, wasGood: false };
}

/** Takes the outcome of one check. */
export function noteCheck(
  record: CheckRecord,
  policy: CheckPolicy,
  outcome: { readonly good: boolean; readonly why: string; readonly atMs: number },
): void {
  const { good, why, atMs } = outcome;
  record.checkedAtMs = atMs;
  record.wasGood = good;
  if (!good) record.why = why;
  const speaksAgainst = good ? record.state !== 'up' : record.state !== 'down';
  if (!speaksAgainst) {
    record.run = 0;
    return;
  }
  // One good answer is proof enough of a peer that nobody had anything against.
  const needed = good ? (record.state === 'unknown' ? 1 : policy.rise) : policy.fall;
  record.run += 1;
  if (record.run < needed) return;
  record.state = good ? 'up' : 'down';
  record.run = 0;
}

/** Tells whether the peer should be asked again soon: it is out, or on its way to a new verdict. */
export function isUnsettled(record: CheckRecord): boolean {
  return record.state !== 'up' || record.run > 0;
}
