// Runs the code of a plugin in this worker.

import { evaluateCode } from '../../plugin/evaluate-code.ts';
import type { PluginCode } from '../../plugin/plugin-code.ts';
import { readPlugin } from '../../plugin/read-plugin.ts';
import { messageOf } from '../../std/message-of.ts';
import { PluginUnit, type PluginUnitOptions } from './plugin-unit.ts';

/** Shorter than the primary's patience with a reload. */
const LOAD_MS = 8000;

/** Returns the plugin; rejects with an Error that says what is wrong with it. */
export async function loadPlugin(
  code: PluginCode,
  parts: Omit<PluginUnitOptions, 'plugin'>,
): Promise<PluginUnit> {
  const { name } = parts.settings;
  if (code.length === 0) throw new Error(`plugin ${name}: its code was never loaded`);
  let plugin: ReturnType<typeof readPlugin>;
  try {
    const late = new Promise<null>((resolve) => setTimeout(resolve, LOAD_MS, null).unref());
    const namespaces = await Promise.race([evaluateCode(code), late]);
    if (namespaces === null) throw new Error(`its code did not end within ${LOAD_MS / 1000} s`);
    plugin = readPlugin(namespaces.at(-1)!);
  } catch (error) {
    throw new Error(`plugin ${name}: ${messageOf(error)}`);
  }
  if (typeof plugin === 'string') throw new Error(`plugin ${name}: ${plugin}`);
  return new PluginUnit({ plugin, ...parts });
}
