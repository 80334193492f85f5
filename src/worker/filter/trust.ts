// Whose word about the client counts: addresses of proxies that the operator trusts.

import type { TrustPolicy } from '../../core/plan.ts';
import { AddressSet } from '../../std/address-set.ts';

/** Tells whether an address is one of the operator's own proxies. Nobody is trusted by default. */
export class Trust implements TrustPolicy {
  readonly #trusted: AddressSet | null;

  /** `cidrs`: addresses or CIDR ranges, validated by the configuration. */
  constructor(cidrs: readonly string[]) {
    this.#trusted = cidrs.length === 0 ? null : new AddressSet(cidrs);
  }

  get trustsAnybody(): boolean {
    return this.#trusted !== null;
  }

  /** False for anything that is not an IP address. */
  has(address: string): boolean {
    return this.#trusted?.has(address) ?? false;
  }
}
