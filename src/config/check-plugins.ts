// What the schema cannot say about plugins: that each has a name of its own, and that routes use those that
// there are. Works on raw data, like check-references.

import { nearest } from '../std/nearest.ts';
import type { Finding } from './finding.ts';
import { formatPath, type Path } from './path.ts';
import { quote } from './problem.ts';
import { defaultPluginName } from './schema-plugins.ts';

type Fields = Record<string, unknown>;

/** Finds plugins of the same name, and names that no plugin has. Never throws. */
export function checkPlugins(root: Fields): Finding[] {
  const names: unknown[] = asList(root['plugins']).map(nameOf);
  const findings: Finding[] = [];
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (name === null || first === index) continue;
    const other = formatPath(['plugins', first]);
    const message = `expected a name of its own, got ${quote(String(name))} like ${other}`;
    findings.push({ path: ['plugins', index], message });
  }
  for (const [at, route] of asList(root['routes']).entries()) {
    const { plugins, handler } = asMap(route);
    for (const [index, use] of asList(plugins).entries()) {
      findings.push(...checkName(asMap(use)['name'], ['routes', at, 'plugins', index], names));
    }
    findings.push(...checkName(asMap(handler)['name'], ['routes', at, 'handler'], names));
  }
  return findings;
}

function checkName(name: unknown, path: Path, names: readonly unknown[]): Finding[] {
  if (typeof name !== 'string' || name === '' || names.includes(name)) return [];
  const known = names.filter((one) => typeof one === 'string');
  const suggestion = nearest(name, known);
  const hint = known.length === 0 ? ' (there are none)' : '';
  const message = `expected the name of a plugin${hint}, got ${quote(name)}`;
  return [{ path: [...path, 'name'], message, suggestion }];
}

function nameOf(plugin: unknown): string | null {
  const { name, file } = asMap(plugin);
  if (typeof name === 'string') return name;
  return typeof file === 'string' ? defaultPluginName(file) : null;
}

function asMap(value: unknown): Fields {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Fields) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
