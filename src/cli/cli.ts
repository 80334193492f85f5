// Reads the command line into a command. Prints nothing, touches nothing.

import { parseArgs } from 'node:util';
import type { Assignment } from '../config/draft.ts';
import { nearest } from '../std/nearest.ts';
import { usage } from './arguments.ts';
import type { CliCommand, ConfigChoice, UsageError } from './command.ts';
import { settingFlags } from './flags.ts';
import { parseExplain } from './parse-explain.ts';
import { parseRunning, runningCommands } from './parse-peers.ts';
import { parseWarm } from './parse-warm.ts';

const commandNames = ['run', 'check', 'trust', 'schema', 'demo', 'help', 'version'] as const;
/** Those that read a configuration. */
const readers: readonly CommandName[] = ['run', 'check', 'trust'];

type CommandName = (typeof commandNames)[number];

/** Flags without a value, and the commands that know them. */
const switches: Readonly<Record<string, readonly CommandName[]>> = {
  help: commandNames,
  version: commandNames,
  print: ['check'],
  env: ['check'],
  json: ['check'],
  pem: ['trust'],
};
const shortNames: Readonly<Record<string, string>> = { h: 'help', V: 'version' };

/** What stood on the command line, sorted. */
interface Given {
  readonly on: Set<string>;
  readonly values: Map<string, string[]>;
  readonly positionals: string[];
}

/** Reads the arguments after `node main.ts`. Without a command, `run` is meant. */
export function parseCli(argv: readonly string[]): CliCommand {
  if (argv[0] === 'warm') return parseWarm(argv);
  if (argv[0] === 'explain') return parseExplain(argv);
  const isForRunning = isRunning(argv[0]) || /^--(?:admin|json|weight)\b/.test(argv[0] ?? '');
  if (isForRunning && argv.some(isRunning)) return parseRunning(argv);
  const given = readArguments(argv);
  if ('name' in given) return given;
  if (given.on.has('help')) return { name: 'help' };
  if (given.on.has('version')) return { name: 'version' };
  const { name, rest } = splitCommand(given.positionals);
  const misplaced = [...given.on].find((flag) => !switches[flag]!.includes(name));
  if (misplaced !== undefined)
    return usage(`--${misplaced} is a flag of ${switches[misplaced]![0]}`);
  const mistaken = mistakenCommand(given.positionals);
  if (mistaken !== null) return usage(mistaken);
  return build(name, rest, given);
}

function build(name: CommandName, rest: readonly string[], given: Given): CliCommand {
  const filesMax = readers.includes(name) ? 1 : 0;
  if (rest.length > filesMax) {
    const [, second] = rest;
    return usage(
      filesMax === 0
        ? `${name} takes no CONFIG, got '${rest[0]}'`
        : `${name} takes one CONFIG, got '${second}' as well`,
    );
  }
  if (name === 'help' || name === 'version' || name === 'schema') {
    const [flag] = given.values.keys();
    return flag === undefined ? { name } : usage(`${name} takes no --${flag}`);
  }
  const flags = readFlags(given.values);
  if ('name' in flags) return flags;
  const file = rest[0] ?? null;
  const isWithoutFile = given.values.has('to');
  if (file !== null && isWithoutFile) {
    return usage(`--to is for use without a file; '${file}' says itself where requests go`);
  }
  const choice: ConfigChoice = { file, isWithoutFile, flags: flags.assignments };
  if (name === 'run') return { name, ...choice };
  if (name === 'trust') return { name, ...choice, isPem: given.on.has('pem') };
  if (name === 'demo') return { name, flags: flags.assignments };
  if (given.on.has('print') && given.on.has('env')) return usage('--print or --env, not both');
  const show = given.on.has('print') ? 'print' : given.on.has('env') ? 'env' : 'summary';
  return { name, ...choice, show, isJson: given.on.has('json') };
}

function readArguments(argv: readonly string[]): Given | UsageError {
  const { tokens } = parseArgs({
    args: [...argv],
    options: optionsOf(),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: Given = { on: new Set(), values: new Map(), positionals: [] };
  for (const token of tokens) {
    if (token.kind === 'positional') given.positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const isFlag = token.inlineValue === false && /^-./.test(token.value);
    const problem = takeOption(given, token.name, token.rawName, isFlag ? '' : token.value);
    if (problem !== null) return usage(problem);
  }
  return given;
}

function takeOption(given: Given, name: string, rawName: string, value: string | undefined) {
  const isSwitch = Object.hasOwn(switches, name);
  if (isSwitch) {
    if (value !== undefined) return `--${name} takes no value, got '${value}'`;
    given.on.add(name);
    return null;
  }
  const setting = Object.hasOwn(settingFlags, name) ? settingFlags[name]! : null;
  if (setting === null) {
    const known = [...Object.keys(switches), ...Object.keys(settingFlags)];
    const guess = rawName.startsWith('--') ? nearest(name, known) : null;
    return `unknown flag ${rawName}${guess === null ? '' : `; did you mean --${guess}?`}`;
  }
  if (value === undefined || value === '') return `--${name} needs ${setting.value}`;
  const values = given.values.get(name) ?? [];
  if (values.length > 0 && !setting.isRepeatable) return `--${name} stands twice`;
  given.values.set(name, [...values, value]);
  return null;
}

function optionsOf() {
  const options: Record<
    string,
    { type: 'string' | 'boolean'; short?: string; multiple?: boolean }
  > = {};
  for (const name of Object.keys(switches)) options[name] = { type: 'boolean' };
  for (const name of Object.keys(settingFlags)) options[name] = { type: 'string', multiple: true };
  for (const [short, name] of Object.entries(shortNames))
    options[name] = { ...options[name]!, short };
  return options;
}

function readFlags(
  values: ReadonlyMap<string, string[]>,
): { assignments: Assignment[] } | UsageError {
  const assignments: Assignment[] = [];
  // --set comes last: it may refine what another flag has set.
  for (const [name, setting] of Object.entries(settingFlags)) {
    const given = values.get(name);
    if (given === undefined) continue;
    const changes = setting.read(given);
    if (changes === null) {
      const wrong = given.find((value) => setting.read([value]) === null) ?? given[0];
      return usage(`--${name}: expected ${setting.value}, got '${wrong}'`);
    }
    assignments.push(...changes);
  }
  return { assignments };
}

function splitCommand(positionals: readonly string[]): { name: CommandName; rest: string[] } {
  const [first, ...rest] = positionals;
  const name = commandNames.find((known) => known === first);
  return name === undefined ? { name: 'run', rest: [...positionals] } : { name, rest };
}

/** A word that is neither a command nor looks like a file was meant to be a command. */
function mistakenCommand([first, ...rest]: readonly string[]): string | null {
  if (first === undefined || commandNames.some((name) => name === first)) return null;
  if (/[./\\]/.test(first) && rest.length === 0) return null;
  if (/[./\\]/.test(first)) return `run takes one CONFIG, got '${rest[0]}' as well`;
  if (isRunning(first)) return `write '${first}' before its flags: sluice ${first} …`;
  const guess = nearest(first, [...commandNames, ...runningCommands, 'warm']);
  return `unknown command '${first}'${guess === null ? '' : `; did you mean '${guess}'?`}`;
}

function isRunning(word: string | undefined): boolean {
  return runningCommands.some((name) => name === word);
}
