// What is taken out of and put into the peer's response head before the client sees it.

import type { Exchange } from '../../core/exchange.ts';
import type { ResponseHeadPolicy } from '../../core/plan.ts';

/** Removes the fields that name the backend and adds Via where asked; in place. */
export function cleanResponseHead(exchange: Exchange, policy: ResponseHeadPolicy): void {
  const headers = exchange.responseHeaders;
  let kept = 0;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (policy.remove.has(name)) continue;
    if (kept !== at) {
      headers[kept] = name;
      headers[kept + 1] = headers[at + 1]!;
    }
    kept += 2;
  }
  // To set the length is a call into the runtime, even to what it is: 40 ns.
  while (headers.length > kept) headers.pop();
  if (policy.via !== null) headers.push('via', `1.1 ${policy.via}`);
}
