// What a tidy rule finds, and a rule.

import type { SourceFile } from './source-file.ts';

export interface Violation {
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  /** Whether the rule is about this file. */
  readonly isAbout: (path: string) => boolean;
  readonly find: (file: SourceFile) => readonly Violation[];
}
