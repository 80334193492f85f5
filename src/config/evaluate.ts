// Evaluates a TypeScript or JavaScript configuration in a process of its own, with a time limit, into
// plain data. Nothing of the configuration's code ever runs in the primary or in a worker.

import type { Evaluated } from './evaluate-child.ts';
import { ConfigError, type Place } from './problem.ts';
import { explainEnding, readResult, runScript, siblingUrl } from './run-script.ts';

/** Longest evaluation of a configuration. */
const evaluationMsMax = 10_000;

export interface EvaluatedModule {
  readonly value: unknown;
  /** The module and the local files that it imports. */
  readonly files: readonly string[];
}

/**
 * Returns the default export of the module at `path` as plain data. Each call is a fresh process, so
 * that changed code is seen. What the module prints goes to standard error. Throws ConfigError.
 */
export async function evaluateModule(
  path: string,
  shown: string,
  limitMs = evaluationMsMax,
): Promise<EvaluatedModule> {
  const place: Place = { kind: 'file', file: shown, line: null };
  const script = `import { evaluate } from ${JSON.stringify(siblingUrl('./evaluate-child'))};
await evaluate(${JSON.stringify(path)}, ${JSON.stringify(siblingUrl('./define'))});`;
  const ending = await runScript(script, limitMs);
  const fail = (message: string) => new ConfigError([{ place, path: '', message }]);
  const evaluated = ending.reason === 'ended' ? readResult<Evaluated>(ending) : null;
  if (evaluated === null) throw fail(explainEnding(ending, limitMs));
  if (evaluated.kind === 'value') return evaluated;
  if (evaluated.kind === 'thrown') {
    const at: Place = { ...place, line: evaluated.line };
    if (evaluated.column !== null) at.column = evaluated.column;
    throw new ConfigError([{ place: at, path: '', message: evaluated.message }]);
  }
  throw new ConfigError(evaluated.problems.map((problem) => ({ place, ...problem })));
}
