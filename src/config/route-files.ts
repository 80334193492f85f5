// The files that routes name: pages and databases. Their names become absolute when they are loaded.

import type { Path } from './path.ts';
import type { Config } from './schema.ts';

/** Where the name of a file stands. */
export interface NamedFile {
  readonly path: Path;
  readonly holder: Record<string, string>;
  readonly key: string;
}

/** Returns every file that routes and what stands beside them name, plugins included. */
export function routeFiles(config: Config): NamedFile[] {
  const files: NamedFile[] = [];
  const add = (path: Path, holder: object) => {
    const key = String(path.at(-1));
    const fields = holder as Record<string, string>;
    if (typeof fields[key] === 'string') files.push({ path, holder: fields, key });
  };
  for (const [at, plugin] of config.plugins.entries()) add(['plugins', at, 'file'], plugin);
  for (const at of config.geo.files.keys()) add(['geo', 'files', at], config.geo.files);
  for (const [status, page] of Object.entries(config.errorPages)) {
    add(['errorPages', status, 'file'], page);
  }
  for (const [at, { respond, maintenance, errorPages }] of config.routes.entries()) {
    const path = ['routes', at];
    if (respond !== null) add([...path, 'respond', 'bodyFile'], respond);
    if (maintenance !== null) add([...path, 'maintenance', 'bodyFile'], maintenance);
    for (const [status, page] of Object.entries(errorPages)) {
      // Pages of the configuration as a whole are the routes' as well.
      const isOwn = config.errorPages[status] !== page;
      if (isOwn) add([...path, 'errorPages', status, 'file'], page);
    }
  }
  return files;
}
