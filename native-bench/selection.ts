// Which contenders a command line asks for: the standard ones, variants of Sluice, any other command.

import type { Contender } from './contender.ts';
import { allContenders, commandContender, sluiceContender } from './contenders.ts';

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

/** Whom the fine instruments take when nobody is named; they look at a few per cent. */
const FINE = ['nginx', 'haproxy', 'sluice'];

/**
 * Returns the contenders asked for, in the order asked for; those of `standard` and the extra ones when
 * nobody is named. Throws on an unknown name.
 */
export function selectContenders(
  selection: Selection,
  standard: readonly string[] = FINE,
): Contender[] {
  const extra = [
    ...selection.sluice.map((each) => {
      const [name, flags] = splitPair(each);
      return sluiceContender(
        name,
        flags.split(' ').filter((flag) => flag !== ''),
      );
    }),
    ...selection.extra.map((each) => commandContender(...splitPair(each))),
  ];
  const all = [...allContenders, ...extra];
  const names = selection.only?.split(',') ?? [...standard, ...extra.map((each) => each.name)];
  return names.map((name) => {
    const found = all.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new Error(
      `nobody is called ${name}; there are ${all.map((each) => each.name).join(', ')}`,
    );
  });
}

/** Throws when one of `contenders` is not installed. */
export function requireContenders(contenders: readonly Contender[]): void {
  const missing = contenders.map((each) => each.missing()).filter((each) => each !== null);
  if (missing.length > 0) throw new Error(missing.join('; '));
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`${pair} is not NAME=VALUE`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}
