// Whose word about the client counts: addresses of proxies that the operator trusts.

import { BlockList, isIP } from 'node:net';

import type { TrustPolicy } from '../../core/plan.ts';

/** Remembered verdicts; senders are few where anybody is trusted at all. */
const VERDICTS_MAX = 4096;

/** Tells whether an address is one of the operator's own proxies. Nobody is trusted by default. */
export class Trust implements TrustPolicy {
  readonly #ranges: BlockList | null;
  readonly #verdicts = new Map<string, boolean>();

  /** `cidrs`: addresses or CIDR ranges, validated by the configuration. */
  constructor(cidrs: readonly string[]) {
    this.#ranges = cidrs.length === 0 ? null : rangesOf(cidrs);
  }

  get trustsAnybody(): boolean {
    return this.#ranges !== null;
  }

  /** False for anything that is not an IP address. */
  has(address: string): boolean {
    if (this.#ranges === null) return false;
    const known = this.#verdicts.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const verdict = family !== 0 && this.#ranges.check(address, family === 6 ? 'ipv6' : 'ipv4');
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear();
    this.#verdicts.set(address, verdict);
    return verdict;
  }
}

function rangesOf(cidrs: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) ranges.addAddress(address, family);
    else ranges.addSubnet(address, Number(prefix), family);
  }
  return ranges;
}
