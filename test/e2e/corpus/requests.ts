// Malformed and smuggling requests with what must come of them. Played against the bare listener and
// against the whole proxy, in one segment and byte by byte; see play.ts.

import type { BadRequest } from './bad-request.ts';
import { badChunks, badFraming } from './framing.ts';
import { badFields, badHosts, badLines, badUpgrades } from './heads.ts';

/** At least sixty of them, each with a name of its own. */
export const badRequests: readonly BadRequest[] = [
  ...badFraming,
  ...badChunks,
  ...badLines,
  ...badHosts,
  ...badFields,
  ...badUpgrades,
];
