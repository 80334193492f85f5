// What is wrong with raw data, before it is known where in the file that stands.

import type { Path } from './path.ts';

/** A problem that does not know yet where in the file it stands. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly suggestion?: string | null;
}
