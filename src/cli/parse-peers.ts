// `sluice peers …` and `sluice reload` (`purge` is in parse-purge): what stands on the command line of the
// commands that talk to a running Sluice.

import { nearest } from '../std/nearest.ts';
import { readArguments, usage } from './arguments.ts';
import type {
  PeersAction,
  PeersCommand,
  PurgeCliCommand,
  ReloadCommand,
  UsageError,
} from './command.ts';
import { parsePurge } from './parse-purge.ts';

const actions: Readonly<Record<PeersAction, { readonly words: readonly string[] }>> = {
  list: { words: [] },
  add: { words: ['UPSTREAM', 'URL'] },
  remove: { words: ['UPSTREAM', 'URL'] },
  weight: { words: ['UPSTREAM', 'URL'] },
  drain: { words: ['UPSTREAM', 'URL'] },
  undrain: { words: ['UPSTREAM', 'URL'] },
};

/** The words that begin these commands. */
export const runningCommands = ['peers', 'purge', 'reload'] as const;

const flags = {
  admin: { type: 'string' },
  weight: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Reads the arguments of one of these commands, that word included. */
export function parseRunning(
  argv: readonly string[],
): PeersCommand | PurgeCliCommand | ReloadCommand | UsageError | { readonly name: 'help' } {
  const word = argv.find((one) => runningCommands.some((name) => name === one));
  if (word === 'purge') return parsePurge(argv);
  const given = readArguments(argv, flags);
  if ('name' in given) return given;
  const { values, positionals } = given;
  if (values.help === true) return { name: 'help' };
  const [command, ...words] = positionals;
  const common = { admin: values.admin ?? null, isJson: values.json === true };
  if (command !== 'reload') return readPeers(words, values.weight ?? null, common);
  if (words.length > 0) return usage(`reload takes no '${words[0]}'`);
  if (values.weight !== undefined) return usage('reload takes no --weight');
  return { name: 'reload', ...common };
}

function readPeers(
  [word = 'list', ...words]: readonly string[],
  written: string | null,
  common: { readonly admin: string | null; readonly isJson: boolean },
): PeersCommand | UsageError {
  if (!Object.hasOwn(actions, word)) {
    const guess = nearest(word, Object.keys(actions));
    const hint = guess === null ? `; there are ${Object.keys(actions).join(', ')}` : '';
    const question = guess === null ? '' : `; did you mean '${guess}'?`;
    return usage(`peers: unknown action '${word}'${hint}${question}`);
  }
  const action = word as PeersAction;
  const [upstream = null, url = null, surplus] = words;
  const wanted = actions[action].words;
  const most = action === 'list' ? 1 : wanted.length;
  if (surplus !== undefined || words.length > most) {
    return usage(`peers ${action}: '${words[most]}' is too much`);
  }
  if (words.length < wanted.length) {
    return usage(`peers ${action} needs ${wanted.slice(words.length).join(' and ')}`);
  }
  const weight = written === null ? null : Number(written);
  if (weight !== null && action !== 'add' && action !== 'weight') {
    return usage(`peers ${action} takes no --weight`);
  }
  if (weight === null && action === 'weight') return usage('peers weight needs --weight N');
  if (weight !== null && !Number.isInteger(weight)) {
    return usage(`--weight: expected a whole number, got '${written}'`);
  }
  return { name: 'peers', action, upstream, url, weight, ...common };
}
