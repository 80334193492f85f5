// Who may import whom: ARCHITECTURE.md's table as data, and the rules that read it.

import { posix } from 'node:path';
import type { SourceFile } from './source-file.ts';
import type { Violation } from './violation.ts';

// Folder of src → folders of src that it may import besides itself.
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  std: [],
  channel: ['core', 'std'],
  // Which route a request meets: asked by workers, and by whoever tests a configuration.
  routing: ['core', 'std'],
  // What plugins are made of: loaded by who checks a configuration, and by workers.
  plugin: ['core', 'std'],
  config: ['core', 'std', 'routing', 'plugin'],
  observe: ['core', 'std'],
  primary: ['core', 'std', 'config', 'channel', 'observe'],
  sidecar: ['core', 'std', 'config', 'channel', 'observe'],
  // One phase of an exchange; each folder of src/worker is one.
  'worker/*': ['core', 'std', 'routing', 'plugin', 'observe'],
  // The files of src/worker itself join the phases together.
  worker: ['core', 'std', 'routing', 'plugin', 'config', 'channel', 'observe', 'worker/*'],
  // Two backends and the whole proxy in one command.
  demo: ['core', 'std', 'config', 'channel', 'observe', 'primary', 'cli'],
  cli: ['core', 'std', 'config', 'channel', 'observe', 'primary'],
};

// Package → the only folders (or files) of src that may import it.
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  'uWebSockets.js': ['src/worker/listener/uws/'],
  undici: ['src/worker/upstream/undici/', 'src/sidecar/'],
  ws: ['src/worker/tunnel/', 'src/worker/listener/node/', 'src/demo/'],
  jose: ['src/worker/filter/'],
  bcryptjs: ['src/worker/offload/'],
  '@node-rs/argon2': ['src/worker/offload/'],
  '@redis/client': ['src/worker/filter/'],
  piscina: ['src/worker/offload/'],
  msgpackr: ['src/channel/'],
  zod: ['src/config/'],
  yaml: ['src/config/'],
  'ipaddr.js': ['src/config/', 'src/worker/filter/'],
  pino: ['src/observe/'],
  'sonic-boom': ['src/observe/'],
  re2js: ['src/routing/'],
  'mmdb-lib': ['src/worker/geo/'],
  htmlparser2: ['src/worker/filter/rewrite/'],
  'node:cluster': ['src/primary/', 'src/worker/worker.ts'],
};

/** Imports between folders of src that the table does not allow. */
export function layerViolations(file: SourceFile): Violation[] {
  const from = layerOf(file.path);
  if (from === null) return [];
  const violations: Violation[] = [];
  for (const { specifier, line } of file.imports()) {
    if (specifier.startsWith('node:')) {
      if (from === 'core') violations.push({ line, message: `core imports ${specifier}` });
      continue;
    }
    if (!specifier.startsWith('.')) continue;
    const target = posix.join(posix.dirname(file.path), specifier);
    if (!mayImport(file.path, target)) {
      violations.push({ line, message: `${from} must not import ${target}` });
    }
  }
  return violations;
}

/** Packages imported outside of the folder they belong to, or without a home at all. */
export function packageViolations(file: SourceFile): Violation[] {
  const violations: Violation[] = [];
  for (const { specifier, line } of file.imports()) {
    if (specifier.startsWith('.')) continue;
    const name = packageOf(specifier);
    const homes = PACKAGE_HOMES[name];
    if (homes === undefined && specifier.startsWith('node:')) continue;
    if (homes?.some((home) => file.path.startsWith(home))) continue;
    const where = homes === undefined ? 'no folder (add it to the table)' : homes.join(', ');
    violations.push({ line, message: `${name} may be imported in ${where}` });
  }
  return violations;
}

/**
 * Import cycles among `files`, type-only imports included but those of core, whose nouns name each other;
 * each is reported once, at its first file.
 */
export function findCycles(files: readonly SourceFile[]): string[][] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      file
        .imports()
        .filter(({ specifier }) => specifier.startsWith('.'))
        .filter(({ isTypeOnly }) => !isTypeOnly || layerOf(file.path) !== 'core')
        .map(({ specifier }) => posix.join(posix.dirname(file.path), specifier)),
    ]),
  );
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), path]);
      return;
    }
    if (done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return cycles;
}

function mayImport(from: string, to: string): boolean {
  const fromLayer = layerOf(from);
  const toLayer = layerOf(to);
  if (fromLayer === null) return true;
  if (toLayer === null) return false;
  const allowed = LAYERS[patternOf(fromLayer)];
  if (fromLayer !== toLayer) return allowed?.includes(patternOf(toLayer)) ?? false;
  // Inside one phase a folder may use what lies above or below it, never beside it.
  const one = posix.dirname(from);
  const other = posix.dirname(to);
  return !fromLayer.startsWith('worker/') || isWithin(one, other) || isWithin(other, one);
}

function isWithin(folder: string, outer: string): boolean {
  return folder === outer || folder.startsWith(`${outer}/`);
}

/** `core`, `worker` (its own files), `worker/balance`…; null for files directly in src, which may all. */
function layerOf(path: string): string | null {
  const parts = path.split('/');
  if (parts[0] !== 'src' || parts.length < 3) return null;
  return parts[1] === 'worker' && parts.length > 3 ? `worker/${parts[2]}` : (parts[1] ?? null);
}

function patternOf(layer: string): string {
  return layer.startsWith('worker/') ? 'worker/*' : layer;
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}
