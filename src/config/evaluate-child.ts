// The inside of the process that evaluates a TypeScript or JavaScript configuration: imports it, turns
// its default export into plain data and writes that to file descriptor 3.

import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeLoose, toPlainData } from './plain-data.ts';

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
  const result = await evaluateDefault(path, files);
  writeAll(Buffer.from(JSON.stringify(result)));
  process.exit(0);
}

async function evaluateDefault(path: string, files: ReadonlySet<string>): Promise<Evaluated> {
  let exported: unknown;
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    exported = await module.default;
  } catch (error) {
    return explainThrown(error, path);
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

/** Says what was thrown, and where in the configuration if its stack tells. */
function explainThrown(error: unknown, path: string): Evaluated {
  if (!(error instanceof Error)) {
    return { kind: 'thrown', message: `threw ${describeLoose(error)}`, line: null, column: null };
  }
  const stack = error.stack ?? '';
  const escaped = [pathToFileURL(path).href, path].map(quote);
  const found = new RegExp(`(?:${escaped.join('|')}):(\\d+)(?::(\\d+))?`).exec(stack);
  const code = (error as NodeJS.ErrnoException).code;
  const message = error.message.split('\n')[0]!.trim();
  const name = code === 'ERR_INVALID_TYPESCRIPT_SYNTAX' ? 'SyntaxError' : error.name;
  return {
    kind: 'thrown',
    message: explainCode(code, path) ?? `${name}: ${message}`,
    line: found === null ? null : Number(found[1]),
    column: found?.[2] === undefined ? null : Number(found[2]),
  };
}

function explainCode(code: string | undefined, path: string): string | null {
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' && path.includes('/node_modules/')) {
    return 'TypeScript under node_modules is not run; move the configuration out of it or use .js';
  }
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return 'only TypeScript that vanishes is run: no enum, no namespace, no parameter properties';
  }
  return null;
}

function quote(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}

function writeAll(bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(3, bytes, offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
