// The commands that start no processes: help, version, schema, check, those that talk to a running Sluice,
// and a wrong command line.

import { formatJsonSchema } from '../config/json-schema.ts';
import { runCheck } from './check.ts';
import {
  type CliCommand,
  type CliIo,
  type DemoCommand,
  exitCodes,
  type RunCommand,
} from './command.ts';
import { helpText, readVersion } from './help.ts';
import { runExplain } from './run-explain.ts';
import { runRunning } from './run-peers.ts';
import { runTrust } from './run-trust.ts';
import { runWarm } from './run-warm.ts';

/** Runs any command but run and demo; returns the exit code. */
export async function runCommand(
  command: Exclude<CliCommand, RunCommand | DemoCommand>,
  io: CliIo,
): Promise<number> {
  switch (command.name) {
    case 'help':
      io.stdout(helpText);
      return exitCodes.ok;
    case 'version':
      io.stdout(`sluice ${readVersion()}\n`);
      return exitCodes.ok;
    case 'schema':
      io.stdout(formatJsonSchema());
      return exitCodes.ok;
    case 'check':
      return runCheck(command, io);
    case 'explain':
      return runExplain(command, io);
    case 'trust':
      return runTrust(command, io);
    case 'peers':
    case 'purge':
    case 'reload':
      return runRunning(command, io);
    case 'warm':
      return runWarm(command, io);
    case 'usage':
      io.stderr(`sluice: ${command.message}\nTry sluice --help.\n`);
      return exitCodes.usage;
  }
}
