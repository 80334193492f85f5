// A set of addresses and CIDR ranges, with a memory for verdicts.

import { BlockList, isIP } from 'node:net';

/** Remembered verdicts; when there are more, all are forgotten. */
const VERDICTS_MAX = 4096;

export class AddressSet {
  readonly #ranges = new BlockList();
  readonly #verdicts = new Map<string, boolean>();

  /** `cidrs`: addresses or CIDR ranges, validated before. */
  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [address = '', prefix] = cidr.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#ranges.addAddress(address, family);
      else this.#ranges.addSubnet(address, Number(prefix), family);
    }
  }

  /** False for anything that is not an IP address. */
  has(address: string): boolean {
    const known = this.#verdicts.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const verdict = family !== 0 && this.#ranges.check(address, family === 6 ? 'ipv6' : 'ipv4');
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear();
    this.#verdicts.set(address, verdict);
    return verdict;
  }
}
