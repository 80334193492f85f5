// The schema of plugins: the files of the operator's own code, and how routes use them.

import { basename, extname } from 'node:path';
import * as z from 'zod';
import { choice, duration, integer, section, text } from './fields.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;

const name = () =>
  text("a name of letters, digits, '-', '_' and '.', such as 'hello'", (value) =>
    /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/.test(value) ? value : null,
  );

const fileError = 'the path of a TypeScript or JavaScript module';
const file = () =>
  z
    .string({ error: fileError })
    .regex(/\.m?[jt]s$/, { error: 'a file that ends in .ts, .mts, .js or .mjs' });

const plugin = section({
  name: name().optional().describe('Name for routes, log and metrics; default: that of the file.'),
  file: file().describe(
    'Module whose default export is the plugin; watched, with what it imports.',
  ),
  timeoutMs: duration({ min: 1, max: hourMs })
    .prefault('1s')
    .describe('How long a request waits for a promise of the plugin.'),
  blockedMs: duration({ min: 1, max: hourMs })
    .prefault('10ms')
    .describe('A call that holds up the worker for longer is counted and told in the log.'),
  onError: choice(['refuse', 'pass'])
    .prefault('refuse')
    .describe("When it throws or takes too long: 'refuse' answers 500, 'pass' goes on without it."),
  failuresInRow: integer({ min: 0, max: 1_000_000 })
    .prefault(20)
    .describe('So many errors in a row, and it is given a rest; 0: never.'),
  restMs: duration({ min: 1, max: hourMs })
    .prefault('5s')
    .describe('How long it is not asked then: requests go on without it or get 503, by onError.'),
});

/** Describes the plugins of a configuration. */
export const pluginsSchema = z
  .array(
    z
      .union([file(), plugin], { error: `${fileError}, or an object with file and settings` })
      .transform((value) => (typeof value === 'string' ? plugin.parse({ file: value }) : value))
      .describe('A plugin.'),
    { error: 'a list of plugins' },
  )
  .prefault([])
  .describe('Own code for requests and responses (docs/plugins.md).');

const useError = 'the name of a plugin';
const pluginName = () => z.string({ error: useError }).min(1, { error: useError });

const options = z
  .record(z.string(), z.unknown().describe('As the plugin wants it.'), {
    error: 'a map of settings',
  })
  .prefault({})
  .describe('Settings of the plugin, as it wants them.');

const use = section({ name: pluginName().describe('Name of the plugin.'), options });

/** Describes what a route uses of them. */
export const routePlugins = z
  .array(
    z
      .union([pluginName(), use], { error: `${useError}, or an object with name and options` })
      .transform((value) => (typeof value === 'string' ? { name: value, options: {} } : value))
      .describe('A plugin.'),
    { error: 'a list of plugins' },
  )
  .prefault([])
  .describe('Plugins that see requests and responses of this route, in this order.');

const handler = section({
  name: pluginName().describe('Name of the plugin.'),
  options,
  timeoutMs: duration({ min: 1, max: hourMs })
    .prefault('30s')
    .describe('Limit for the head of its response.'),
});

/** Describes a plugin that answers in place of an upstream. */
export const routeHandler = z
  .union([pluginName(), handler], { error: `${useError}, or an object with name and options` })
  .transform((value) => (typeof value === 'string' ? handler.parse({ name: value }) : value))
  .nullable()
  .prefault(null)
  .describe('A plugin that answers by its function fetch; in place of an upstream.');

/** Returns what a plugin without a name is called: 'hello' in hello.ts as in hello.plugin.ts. */
export function defaultPluginName(path: string): string {
  return basename(basename(path, extname(path)), '.plugin');
}

export type PluginConfig = Required<z.output<typeof plugin>>;
export type PluginUseConfig = z.output<typeof use>;
export type HandlerConfig = z.output<typeof handler>;
