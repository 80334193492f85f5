// Tells whether what a module exports is a plugin, and whether a route can use it so. Used by `check` and by
// workers, so that both mean the same.

import type { Plugin } from './define-plugin.ts';
import type { Namespace } from './plugin-code.ts';

/** How a route uses a plugin: on requests and responses, or in place of an upstream. */
export type PluginRole = 'filter' | 'handler';

const HOOKS = ['options', 'request', 'response', 'fetch', 'close'] as const;

/** Returns the plugin that a module exports, or what is wrong with it. */
export function readPlugin({ default: exported }: Namespace): Plugin | string {
  const expected = 'a default export: export default definePlugin({…})';
  if (exported === undefined) return `expected ${expected}, got none`;
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) {
    return `expected ${expected}, got a ${exported === null ? 'null' : typeof exported}`;
  }
  for (const [name, value] of Object.entries(exported)) {
    if (!HOOKS.some((hook) => hook === name)) {
      return `expected functions called ${HOOKS.join(', ')}, got '${name}'`;
    }
    if (typeof value !== 'function') return `expected a function ${name}, got a ${typeof value}`;
  }
  const plugin = exported as Plugin;
  if (plugin.request ?? plugin.response ?? plugin.fetch) return plugin;
  return 'expected a function request, response or fetch, got none';
}

/** Returns why a route can't use the plugin in this role, or null. */
export function roleProblem(plugin: Plugin, role: PluginRole): string | null {
  if (role === 'handler') {
    return plugin.fetch === undefined ? 'expected a plugin with a function fetch' : null;
  }
  if (plugin.request !== undefined || plugin.response !== undefined) return null;
  return 'expected a plugin with a function request or response; this one is a handler';
}

/** Returns the options that a route has for the plugin; throws an Error that says what is wrong. */
export function readOptions(plugin: Plugin, written: Readonly<Record<string, unknown>>): unknown {
  if (plugin.options === undefined) return written;
  const options: unknown = plugin.options(written);
  if (options instanceof Promise) {
    options.catch(() => {});
    throw new Error('expected options at once, got a promise');
  }
  return options;
}
