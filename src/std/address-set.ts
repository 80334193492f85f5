// A set of addresses and CIDR ranges, with a memory for verdicts.

import { BlockList, isIP } from 'node:net';

/** Remembered verdicts; when there are more, all are forgotten. */
const VERDICTS_MAX = 4096;

export class AddressSet {
  /** By family: to a BlockList IPv4 is a part of IPv6, and `::/0` would have all of it. */
  readonly #v4 = new BlockList();
  readonly #v6 = new BlockList();
  readonly #verdicts = new Map<string, boolean>();

  /** `cidrs`: addresses or CIDR ranges, validated before. */
  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [address = '', prefix] = cidr.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      // IPv4 written as IPv6 is IPv4: `::ffff:10.0.0.0/104`.
      const isMapped = /^::ffff:/i.test(address) && Number(prefix ?? 128) >= 96;
      const ranges = family === 'ipv4' || isMapped ? this.#v4 : this.#v6;
      if (prefix === undefined) ranges.addAddress(address, family);
      else ranges.addSubnet(address, Number(prefix), family);
    }
  }

  /** False for anything that is not an IP address. */
  has(address: string): boolean {
    const known = this.#verdicts.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const verdict =
      family === 6 ? this.#v6.check(address, 'ipv6') : family === 4 && this.#v4.check(address);
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear();
    this.#verdicts.set(address, verdict);
    return verdict;
  }
}
