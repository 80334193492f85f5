// Runs the code of a plugin. Nothing of it stays anywhere but in what is returned: whoever forgets that has
// forgotten the code. What Node loads itself (packages) stays for good, once per process.

import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import type { ModuleScope, Namespace, PluginCode, PluginModule } from './plugin-code.ts';

const DYNAMIC_IMPORT = /\bimport\s*\(/;

/** Returns the exports of every module; rejects with what the code throws. */
export async function evaluateCode(code: PluginCode): Promise<Namespace[]> {
  const namespaces: Namespace[] = [];
  for (const module of code) {
    const imports = await Promise.all(
      module.imports.map((from) => {
        return typeof from === 'number' ? namespaces[from]! : (import(from) as Promise<Namespace>);
      }),
    );
    namespaces.push(await evaluateModule(module, imports));
  }
  return namespaces;
}

async function evaluateModule(
  { path, code }: PluginModule,
  imports: readonly Namespace[],
): Promise<Namespace> {
  const namespace: Record<string, unknown> = {};
  const scope: ModuleScope = {
    imports,
    meta: { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) },
    default: undefined,
    provide(exports) {
      for (const [name, get] of Object.entries(exports)) {
        Object.defineProperty(namespace, name, { get, enumerable: true });
      }
    },
  };
  const run = compileFunction(code, ['$sluice'], {
    filename: path,
    // Node calls it experimental in a warning: only for those who need it.
    ...(DYNAMIC_IMPORT.test(code)
      ? { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }
      : {}),
  });
  await Reflect.apply(run, undefined, [scope]);
  return namespace;
}
