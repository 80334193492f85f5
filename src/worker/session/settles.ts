// Whether a response is one that a session should hang on.

import type { Exchange } from '../../core/exchange.ts';

/** False for the failures of gateways: who is not served by a peer has no reason to stay with it. */
export function isServed({ status }: Exchange): boolean {
  return status !== 502 && status !== 503 && status !== 504;
}
