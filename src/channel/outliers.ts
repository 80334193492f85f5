// Which peers of an upstream do worse than the others: success rates compared over all workers. A pure
// rule; what follows from it is in peer-health.

/** What the configuration of an upstream says about outliers. */
export interface OutlierPolicy {
  /** Standard deviations below the mean that are too many. */
  readonly deviations: number;
  /** With fewer peers that have enough requests nothing is compared. */
  readonly peersMin: number;
  readonly requestsMin: number;
  readonly windowMs: number;
}

/** One peer's last seconds. */
export interface PeerTraffic<Peer> {
  readonly peer: Peer;
  readonly answers: number;
  readonly errors: number;
}

export interface Outlier<Peer> {
  readonly peer: Peer;
  /** Shares of answers that were no errors, 0…1: its own, and the mean of those compared. */
  readonly rate: number;
  readonly mean: number;
}

/**
 * Least distance from the mean, as a share. Of n peers a single one that differs is always √(n−1)
 * deviations away, however little it differs: with five peers one error in a thousand would do.
 */
const gapMin = 0.05;

/** Returns the outliers, worst first. */
export function findOutliers<Peer>(
  traffic: readonly PeerTraffic<Peer>[],
  policy: OutlierPolicy,
): Outlier<Peer>[] {
  const judged = traffic.filter(({ answers }) => answers >= policy.requestsMin);
  if (judged.length < policy.peersMin) return [];
  const rates = judged.map(({ answers, errors }) => 1 - errors / answers);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const distance = Math.max(policy.deviations * Math.sqrt(variance), gapMin);
  return judged
    .map(({ peer }, at) => ({ peer, rate: rates[at]!, mean }))
    .filter(({ rate }) => rate < mean - distance)
    .sort((a, b) => a.rate - b.rate);
}
