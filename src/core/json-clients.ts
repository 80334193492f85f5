// Who wants answers as data: programs that say so in Accept. Browsers do not name JSON.

import type { Exchange } from './exchange.ts';
import { headerValue } from './headers.ts';

/** Tells whether the client asks for JSON of any kind. */
export function asksForJson({ requestHeaders }: Exchange): boolean {
  const accept = headerValue(requestHeaders, 'accept');
  return accept !== undefined && /\bapplication\/(?:[\w.+-]+\+)?json\b/i.test(accept);
}
