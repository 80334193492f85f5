// Lets clients pass by their address, or not: the list of those allowed and the list of those denied.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RequestFilter, Verdict } from '../../../core/filter.ts';
import type { AccessCheck, Refusal } from './check.ts';

/** Addresses that may change while they are used. */
export interface Addresses {
  has(address: string): boolean;
}

export interface ClientsOptions {
  /** Null: everybody who is not denied. */
  readonly allow: Addresses | null;
  readonly deny: Addresses | null;
}

export class ClientsFilter implements RequestFilter {
  readonly name = 'clients';
  readonly #options: ClientsOptions;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  apply({ clientAddress }: Exchange): Verdict {
    const { allow, deny } = this.#options;
    if (deny?.has(clientAddress) === true) return new ProxyError('forbidden', 'a denied address');
    if (allow === null || allow.has(clientAddress)) return undefined;
    return new ProxyError('forbidden', 'not an allowed address');
  }
}

/** The address as one of several ways to be let in. */
export class AddressCheck implements AccessCheck {
  readonly name = 'addresses';
  readonly #addresses: Addresses;

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  check({ clientAddress }: Exchange): Refusal | null {
    if (this.#addresses.has(clientAddress)) return null;
    return new ProxyError('forbidden', 'not an allowed address');
  }
}
