// What the command line can ask for, as data.

import type { Assignment } from '../config/draft.ts';
import type { MadeUpRequest } from '../config/route-request.ts';

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
export interface TrustCommand extends ConfigChoice {
  readonly name: 'trust';
  /** The certificate alone, instead of what to do with it. */
  readonly isPem: boolean;
}
export interface ExplainCommand extends ConfigChoice {
  readonly name: 'explain';
  readonly request: MadeUpRequest;
  /** Name of a route of which it is told why the request does not take it. */
  readonly route: string | null;
  readonly isJson: boolean;
}
export interface DemoCommand {
  readonly name: 'demo';
  readonly flags: readonly Assignment[];
}
export type PeersAction = 'list' | 'add' | 'remove' | 'weight' | 'drain' | 'undrain';

/** What commands that talk to a running Sluice have in common. */
interface RunningCommand {
  /** As given to --admin; null when it was not. */
  readonly admin: string | null;
  readonly isJson: boolean;
}
export interface PeersCommand extends RunningCommand {
  readonly name: 'peers';
  readonly action: PeersAction;
  /** Null: all of them. */
  readonly upstream: string | null;
  readonly url: string | null;
  readonly weight: number | null;
}
export interface ReloadCommand extends RunningCommand {
  readonly name: 'reload';
}
export interface PurgeCliCommand extends RunningCommand {
  readonly name: 'purge';
  /** Of POST /api/cache/purge. */
  readonly body: Readonly<Record<string, string | boolean>>;
}
export interface WarmCommand {
  readonly name: 'warm';
  /** Of URLs, one a line; '-' for standard input. */
  readonly file: string;
  /** Where Sluice listens; null: where the URLs say. */
  readonly via: { readonly host: string; readonly port: number } | null;
  readonly parallel: number;
}
/** The command line cannot be understood: print `message`, exit with 2. */
export interface UsageError {
  readonly name: 'usage';
  readonly message: string;
}
export type CliCommand =
  | RunCommand
  | CheckCommand
  | TrustCommand
  | ExplainCommand
  | DemoCommand
  | PeersCommand
  | ReloadCommand
  | WarmCommand
  | PurgeCliCommand
  | UsageError
  | { readonly name: 'schema' | 'help' | 'version' };

/** Exit codes of every command. */
export const exitCodes = { ok: 0, invalidConfig: 1, refused: 1, usage: 2, unreachable: 3 } as const;

/** What a command may touch; main hands in the real ones. */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}
