// The inside of the process that looks at plugins: loads each as Node would, writes its files as functions,
// runs those, and tries the options that routes have for it.

import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { evaluateCode } from '../plugin/evaluate-code.ts';
import { functionModule, UnreadableModule } from '../plugin/function-module.ts';
import type { Namespace, PluginCode, PluginModule } from '../plugin/plugin-code.ts';
import { type PluginRole, readOptions, readPlugin, roleProblem } from '../plugin/read-plugin.ts';
import { messageOf } from '../std/message-of.ts';
import { explainThrown } from './explain-thrown.ts';
import type { Path } from './path.ts';
import { writeResult } from './write-result.ts';

/** A plugin to look at, and what routes want of it. */
export interface PluginRequestedBy {
  readonly name: string;
  readonly file: string;
  readonly uses: readonly {
    readonly path: Path;
    readonly role: PluginRole;
    readonly options: Readonly<Record<string, unknown>>;
  }[];
}

/** Something wrong: in a file, or with what the configuration says at `path`. */
export interface PluginProblem {
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly path: Path | null;
  readonly message: string;
}

/** What comes back from the process. */
export interface LoadedPlugins {
  readonly code: Readonly<Record<string, PluginCode>>;
  readonly problems: readonly PluginProblem[];
}

/** What can be exchanged with its plugin; all else is Node's to load and keep. */
const OWN_FORMATS: ReadonlySet<unknown> = new Set(['module', 'module-typescript', 'json']);

/** What Node has found while it loaded. */
interface Loads {
  /** URLs by specifier by the URL of the importing module. */
  readonly targets: Map<string, Map<string, string>>;
  /** By URL. */
  readonly formats: Map<string, unknown>;
}

/**
 * Looks at the plugins that standard input names and ends the process; 'sluice/plugin' resolves to
 * `defineUrl` inside.
 */
export async function loadPlugins(defineUrl: string): Promise<void> {
  const plugins = JSON.parse(readFileSync(0, 'utf8')) as readonly PluginRequestedBy[];
  const loads: Loads = { targets: new Map(), formats: new Map() };
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const isOurs = specifier === 'sluice/plugin';
      const resolved = isOurs
        ? { url: defineUrl, shortCircuit: true }
        : nextResolve(specifier, context);
      if (context.parentURL === undefined) return resolved;
      const from = loads.targets.get(context.parentURL) ?? new Map<string, string>();
      loads.targets.set(context.parentURL, from.set(specifier, resolved.url));
      return resolved;
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      loads.formats.set(url, loaded.format);
      return loaded;
    },
  });
  const code: Record<string, PluginCode> = {};
  const problems: PluginProblem[] = [];
  for (const plugin of plugins) {
    const graph = new ModuleGraph(loads, defineUrl);
    try {
      code[plugin.name] = await graph.load(plugin.file);
      problems.push(...(await tryPlugin(plugin, code[plugin.name]!)));
    } catch (error) {
      problems.push(problemOf(error, plugin.file, graph));
    }
  }
  const result: LoadedPlugins = { code, problems };
  writeResult(result);
}

async function tryPlugin(
  { file, uses }: PluginRequestedBy,
  code: PluginCode,
): Promise<PluginProblem[]> {
  const nowhere = { file, line: null, column: null, path: null };
  const plugin = readPlugin((await evaluateCode(code)).at(-1)!);
  if (typeof plugin === 'string') return [{ ...nowhere, message: plugin }];
  const problems: PluginProblem[] = [];
  for (const { path, role, options } of uses) {
    const message = roleProblem(plugin, role) ?? optionsProblem(() => readOptions(plugin, options));
    if (message !== null) problems.push({ ...nowhere, path, message });
  }
  return problems;
}

function optionsProblem(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    return `its options are refused: ${messageOf(error)}`;
  }
}

/** The files of one plugin, each behind those that it imports. */
class ModuleGraph {
  readonly #loads: Loads;
  readonly #defineUrl: string;
  readonly #modules: PluginModule[] = [];
  /** Numbers of modules by URL; null while their imports are looked at. */
  readonly #numbers = new Map<string, number | null>();
  readonly #namespaces = new Map<string, Namespace>();

  constructor(loads: Loads, defineUrl: string) {
    this.#loads = loads;
    this.#defineUrl = defineUrl;
  }

  /** The file that is looked at. */
  get latest(): string | null {
    const url = [...this.#numbers.keys()].at(-1);
    return url === undefined ? null : fileURLToPath(url);
  }

  /** All files that were imported so far, but for packages. */
  get files(): string[] {
    const urls = [...this.#loads.targets.values()].flatMap((targets) => [...targets.values()]);
    return [...new Set(urls)]
      .filter((url) => url.startsWith('file:') && !url.includes('/node_modules/'))
      .map((url) => fileURLToPath(url));
  }

  async load(file: string): Promise<PluginCode> {
    const { href } = pathToFileURL(file);
    this.#numbers.set(href, null);
    await this.#namespaceOf(href);
    this.#numbers.delete(href);
    await this.#add(href);
    return this.#modules;
  }

  async #add(url: string): Promise<number> {
    const known = this.#numbers.get(url);
    if (known === null) throw new Circle(url);
    if (known !== undefined) return known;
    this.#numbers.set(url, null);
    const targets = this.#loads.targets.get(url) ?? new Map<string, string>();
    const names = new Map<string, readonly string[]>();
    for (const target of new Set(targets.values())) {
      names.set(target, Object.keys(await this.#namespaceOf(target)));
    }
    const path = fileURLToPath(url);
    const { code, specifiers } = functionModule(
      readText(path),
      Object.keys(await this.#namespaceOf(url)),
      (specifier) => names.get(targets.get(specifier) ?? '') ?? [],
    );
    const imports: (number | string)[] = [];
    for (const specifier of specifiers) {
      const target = targets.get(specifier)!;
      imports.push(this.#isOwn(target) ? await this.#add(target) : target);
    }
    const number = this.#modules.push({ path, code, imports }) - 1;
    this.#numbers.set(url, number);
    return number;
  }

  /** Packages are not, nor is what is no ES module. */
  #isOwn(url: string): boolean {
    if (!url.startsWith('file:') || url.includes('/node_modules/')) return false;
    return url !== this.#defineUrl && OWN_FORMATS.has(this.#loads.formats.get(url));
  }

  async #namespaceOf(url: string): Promise<Namespace> {
    const known = this.#namespaces.get(url);
    if (known !== undefined) return known;
    const attributes = url.endsWith('.json') ? { with: { type: 'json' } } : {};
    const namespace = (await import(url, attributes)) as Namespace;
    this.#namespaces.set(url, namespace);
    return namespace;
  }
}

/** Modules that import each other can't be written as functions. */
class Circle extends Error {
  readonly file: string;

  constructor(url: string) {
    super('is imported by what it imports itself; the files of a plugin may not form a circle');
    this.file = fileURLToPath(url);
  }
}

function readText(path: string): string {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.json')) return `export default ${text}`;
  return /\.m?ts$/.test(path) ? stripTypeScriptTypes(text) : text;
}

function problemOf(error: unknown, file: string, graph: ModuleGraph): PluginProblem {
  if (error instanceof Circle) {
    return { file: error.file, line: null, column: null, path: null, message: error.message };
  }
  if (error instanceof UnreadableModule) {
    return {
      file: graph.latest ?? file,
      line: error.line,
      column: null,
      path: null,
      message: error.message,
    };
  }
  const thrown = explainThrown(error, [file, ...graph.files]);
  return { ...thrown, file: thrown.file ?? file, path: null };
}
