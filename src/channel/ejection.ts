// Passive ejection of one peer: pure rules over one record. Who counts, and how many peers of an
// upstream may be out at once, is in shared-state.
//
//                run reaches failuresInRow, room in the upstream
//   in service ───────────────────────────────────────────────────► ejected
//        ▲                                                              │
//        └──────────── baseMs × times, at most maxMs ◄─────────────────┘
//   For every baseMs in service one of the times is forgotten.

/** What the configuration of an upstream says about ejection; `failuresInRow` 0 is never. */
export interface EjectionPolicy {
  readonly failuresInRow: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The account of one peer. */
export interface EjectionRecord {
  /** Failures by the peer's fault since its last success, over all workers. */
  run: number;
  /** How often it has been ejected, less what is forgotten. */
  times: number;
  /** End of the running ejection, 0 when in service. */
  untilMs: number;
  /** End of the last ejection, or how far forgetting has come since. */
  endedAtMs: number;
  /** What the last ejection was for. */
  why: string;
}

/** Creates the account of a peer that has done nothing wrong. */
export function createEjectionRecord(): EjectionRecord {
  return { run: 0, times: 0, untilMs: 0, endedAtMs: 0, why: '' };
}

/** Tells whether the run of failures is long enough. */
export function isDue(record: EjectionRecord, policy: EjectionPolicy): boolean {
  return record.untilMs === 0 && policy.failuresInRow > 0 && record.run >= policy.failuresInRow;
}

/** Tells whether one more of `peers` may be out: never more than half, never the only one. */
export function hasRoom(peers: number, ejected: number): boolean {
  return (ejected + 1) * 2 <= peers;
}

/** Takes the peer out of service. */
export function eject(
  record: EjectionRecord,
  policy: EjectionPolicy,
  { why, atMs }: { readonly why: string; readonly atMs: number },
): void {
  forget(record, policy, atMs);
  record.why = why;
  record.times += 1;
  record.untilMs = atMs + Math.min(policy.baseMs * record.times, policy.maxMs);
  record.run = 0;
}

/** Puts the peer back into service. */
export function restore(record: EjectionRecord, atMs: number): void {
  record.untilMs = 0;
  record.endedAtMs = atMs;
  record.run = 0;
}

function forget(record: EjectionRecord, policy: EjectionPolicy, atMs: number): void {
  const forgotten = Math.floor((atMs - record.endedAtMs) / policy.baseMs);
  record.times = Math.max(0, record.times - Math.max(0, forgotten));
}
