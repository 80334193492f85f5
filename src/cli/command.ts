// What the command line can ask for, as data.

import type { Assignment } from '../config/draft.ts';

/** Where a command's configuration comes from, and what the flags change in it. */
export interface ConfigChoice {
  /** As given; null when none was. */
  readonly file: string | null;
  /** The peers of `--to` stand for a whole configuration: no file is looked for. */
  readonly isWithoutFile: boolean;
  readonly flags: readonly Assignment[];
}

export interface RunCommand extends ConfigChoice {
  readonly name: 'run';
}
export interface CheckCommand extends ConfigChoice {
  readonly name: 'check';
  /** `summary`: one line; `print`: the effective configuration; `env`: the environment variables. */
  readonly show: 'summary' | 'print' | 'env';
  readonly isJson: boolean;
}
export interface DemoCommand {
  readonly name: 'demo';
  readonly flags: readonly Assignment[];
}
/** The command line cannot be understood: print `message`, exit with 2. */
export interface UsageError {
  readonly name: 'usage';
  readonly message: string;
}
export type CliCommand =
  | RunCommand
  | CheckCommand
  | DemoCommand
  | UsageError
  | { readonly name: 'schema' | 'help' | 'version' };

/** Exit codes of every command. */
export const exitCodes = { ok: 0, invalidConfig: 1, usage: 2 } as const;

/** What a command may touch; main hands in the real ones. */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}
