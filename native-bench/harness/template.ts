// Fills `{{name}}` in the peers' configuration files, so that they stay files one can read.

import { readFileSync } from 'node:fs';

/** Returns the text of `file` with every `{{name}}` replaced; throws on a name without a value. */
export function fillTemplate(file: URL, values: Record<string, string | number>): string {
  return readFileSync(file, 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${file.pathname} uses {{${name}}}, nobody gives it`);
    return String(value);
  });
}
