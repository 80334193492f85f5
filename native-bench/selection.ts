// Which contenders a command line asks for: the standard ones, variants of Sluice, any other command.

import {
  type Contender,
  commandContender,
  sluiceContender,
  standardContenders,
} from './contenders.ts';

/** Options for parseArgs that all benches share. */
export const selectionOptions = {
  only: { type: 'string' },
  sluice: { type: 'string', multiple: true, default: [] as string[] },
  extra: { type: 'string', multiple: true, default: [] as string[] },
} as const;

export interface Selection {
  readonly only?: string | undefined;
  readonly sluice: readonly string[];
  readonly extra: readonly string[];
}

/** Returns the contenders asked for, in the order asked for; throws on an unknown name. */
export function selectContenders(selection: Selection): Contender[] {
  const all = [
    ...standardContenders,
    ...selection.sluice.map((each) => {
      const [name, flags] = splitPair(each);
      return sluiceContender(
        name,
        flags.split(' ').filter((flag) => flag !== ''),
      );
    }),
    ...selection.extra.map((each) => commandContender(...splitPair(each))),
  ];
  if (selection.only === undefined) return all;
  return selection.only.split(',').map((name) => {
    const found = all.find((each) => each.name === name);
    if (found === undefined) throw new Error(`nobody is called ${name}`);
    return found;
  });
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`${pair} is not NAME=VALUE`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}
