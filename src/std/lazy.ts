// Packages that are loaded when they are first used, not when the process starts: a worker that must be
// back at once can't wait for what its configuration may never use.

import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** Returns a function that loads the CommonJS package `name` at its first call and keeps it. */
export function lazyPackage<Package>(name: string): () => Package {
  let loaded: Package | null = null;
  return () => {
    loaded ??= load(name) as Package;
    return loaded;
  };
}
