// The inside of the process that evaluates a TypeScript or JavaScript configuration: imports it, turns
// its default export into plain data and writes that to file descriptor 3.

import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { explainThrown } from './explain-thrown.ts';
import { describeLoose, toPlainData } from './plain-data.ts';
import { writeResult } from './write-result.ts';

/** What comes back from the process. */
export type Evaluated =
  | { readonly kind: 'value'; readonly value: unknown; readonly files: readonly string[] }
  | { readonly kind: 'problems'; readonly problems: { path: string; message: string }[] }
  | {
      readonly kind: 'thrown';
      readonly message: string;
      readonly line: number | null;
      readonly column: number | null;
    };

/** Evaluates the module at `path` and ends the process; 'sluice' resolves to `defineUrl` inside. */
export async function evaluate(path: string, defineUrl: string): Promise<void> {
  const files = new Set<string>([path]);
  // Another loader's hooks must not see this import; ours only turn one name and take notes.
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'sluice') return { url: defineUrl, shortCircuit: true };
      const resolved = nextResolve(specifier, context);
      if (resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/')) {
        files.add(fileURLToPath(resolved.url));
      }
      return resolved;
    },
  });
  writeResult(await evaluateDefault(path, files));
}

async function evaluateDefault(path: string, files: ReadonlySet<string>): Promise<Evaluated> {
  let exported: unknown;
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    exported = await module.default;
  } catch (error) {
    const { file: _, ...thrown } = explainThrown(error, [path]);
    return { kind: 'thrown', ...thrown };
  }
  if (exported === undefined)
    return wrongExport('a default export: export default defineConfig({…})');
  if (typeof exported === 'function') {
    return wrongExport('the configuration itself as default export', exported);
  }
  const { value, problems } = toPlainData(exported);
  if (problems.length > 0) return { kind: 'problems', problems };
  return { kind: 'value', value, files: [...files] };
}

function wrongExport(expected: string, got?: unknown): Evaluated {
  const message = `expected ${expected}, got ${describeLoose(got)}`;
  return { kind: 'problems', problems: [{ path: '', message }] };
}
