// Checks raw data as a whole and completes it: flags over environment over what is written over defaults;
// every problem at once; the origin of every value.

import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { checkCertificates } from './check-certificates.ts';
import { checkReferences } from './check-references.ts';
import { type ConfigDocument, emptyDocument } from './document.ts';
import { type Assignment, createDraft, type Draft, originOf, placeOf } from './draft.ts';
import { explainIssues } from './explain.ts';
import { findUnreachable } from './find-unreachable.ts';
import type { Finding } from './finding.ts';
import { applyEnvironment, applyFlags } from './overlay.ts';
import { formatPath, type Path, valueAt } from './path.ts';
import { ConfigError, formatOrigin, inOrder, type Place, type Problem } from './problem.ts';
import { routeFiles } from './route-files.ts';
import { runTests } from './run-tests.ts';
import { type Config, configSchema, settingsOf } from './schema.ts';

/** What is laid over a document. */
export interface Overlays {
  readonly flags?: readonly Assignment[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface LoadedConfig {
  readonly config: Config;
  /**
   * For every scalar and every empty list, by path ('upstreams.app.peers[0].url'): 'default',
   * 'app.yaml:7', 'env SLUICE_CORES' or '--cores'.
   */
  readonly origins: ReadonlyMap<string, string>;
  /** Absolute paths of every file whose change may change the configuration; for watching. */
  readonly files: readonly string[];
  /** What is allowed and yet hardly meant. */
  readonly warnings: readonly Problem[];
  /** Where a setting, or what encloses it, was written; null for nowhere. */
  readonly placeOf: (path: Path) => Place | null;
}

/** Returns the effective configuration for `raw` (plain data as written). Throws ConfigError. */
export function parseConfig(raw: unknown): Config {
  const cwd = process.cwd();
  return completeConfig({ ...emptyDocument(cwd), value: raw }, {}, cwd).config;
}

/** Checks and completes what was read. Throws ConfigError, which names every problem at once. */
export function completeConfig(
  document: ConfigDocument,
  overlays: Overlays,
  cwd: string,
): LoadedConfig {
  const draft = createDraft(document);
  const problems: Problem[] = [
    ...applyFlags(draft, overlays.flags ?? []),
    ...applyEnvironment(draft, overlays.env ?? {}),
  ];
  const parsed = configSchema.safeParse(draft.value);
  if (!parsed.success) problems.push(...explainIssues(draft, parsed.error.issues));
  problems.push(...toProblems(checkReferences(draft.value), draft));
  if (parsed.success) {
    problems.push(...toProblems(checkCertificates(parsed.data), draft));
    problems.push(...resolveFiles(parsed.data, draft, cwd));
  }
  if (problems.length === 0 && parsed.success) {
    problems.push(...toProblems(runTests(parsed.data), draft));
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems.sort(inOrder));
  // Most of the time of a large configuration, and wanted by `check` alone.
  let origins: Map<string, string> | null = null;
  return {
    config: parsed.data,
    get origins() {
      origins ??= originsOf(parsed.data, draft);
      return origins;
    },
    files: document.files,
    warnings: toProblems(findUnreachable(parsed.data), draft).sort(inOrder),
    placeOf: (path) => placeOf(draft, path),
  };
}

function toProblems(findings: readonly Finding[], draft: Draft): Problem[] {
  return findings.map(({ path, message, suggestion = null }) => {
    return { place: placeOf(draft, path), path: formatPath(path), message, suggestion };
  });
}

/** Makes file names absolute: those in the file are relative to it, all others to `cwd`. */
function resolveFiles(config: Config, draft: Draft, cwd: string): Problem[] {
  const problems: Problem[] = [];
  const absolute = (path: Path, name: string) => {
    const isFromFile = originOf(draft, path)?.kind === 'file';
    return isAbsolute(name) ? name : resolve(isFromFile ? dirname(draft.document.file) : cwd, name);
  };
  const report = (path: Path, message: string | null) => {
    if (message === null) return;
    problems.push({ place: placeOf(draft, path), path: formatPath(path), message });
  };
  if (config.log.accessFile !== '-') {
    config.log.accessFile = absolute(['log', 'accessFile'], config.log.accessFile);
  }
  for (const [upstream, { tls, discovery }] of Object.entries(config.upstreams)) {
    if (discovery.file !== null) {
      const path = ['upstreams', upstream, 'discovery', 'file'];
      discovery.file = absolute(path, discovery.file);
    }
    if (tls.caFile === null) continue;
    const path = ['upstreams', upstream, 'tls', 'caFile'];
    tls.caFile = absolute(path, tls.caFile);
    report(path, pemProblem(tls.caFile, 'CERTIFICATE'));
  }
  for (const { path, holder, key, kind } of peerFiles(config)) {
    holder[key] = absolute(path, holder[key]!);
    report(path, pemProblem(holder[key], kind));
  }
  for (const { path, holder, key } of routeFiles(config)) {
    holder[key] = absolute(path, holder[key]!);
    report(path, fileProblem(holder[key]));
  }
  const { storage, acme } = config.certificates;
  config.certificates.storage = absolute(['certificates', 'storage'], storage);
  for (const [at, authority] of acme.authorities.entries()) {
    if (authority.caFile === null) continue;
    const path = ['certificates', 'acme', 'authorities', at, 'caFile'];
    authority.caFile = absolute(path, authority.caFile);
    report(path, pemProblem(authority.caFile, 'CERTIFICATE'));
  }
  for (const { path, holder, key, kind } of listenerFiles(config)) {
    holder[key] = absolute(path, holder[key]!);
    report(path, pemProblem(holder[key], kind));
  }
  return problems;
}

interface FileField {
  readonly path: Path;
  readonly holder: Record<string, string>;
  readonly key: string;
  readonly kind: PemKind;
}

/** The certificates that upstreams show to their peers. */
function peerFiles({ upstreams }: Config): FileField[] {
  return Object.entries(upstreams).flatMap(([upstream, { tls }]) => {
    const fields: FileField[] = [];
    for (const [key, kind] of [
      ['certFile', 'CERTIFICATE'],
      ['keyFile', 'PRIVATE KEY'],
    ] as const) {
      const holder = tls as unknown as Record<string, string>;
      const path = ['upstreams', upstream, 'tls', key];
      if (tls[key] !== null) fields.push({ path, holder, key, kind });
    }
    return fields;
  });
}

/** Every file that listeners name for TLS. */
function listenerFiles({ listeners }: Config): FileField[] {
  const fields: FileField[] = [];
  for (const [index, { tls }] of listeners.entries()) {
    if (tls === null) continue;
    const within = ['listeners', index, 'tls'];
    const add = (path: Path, holder: object, kind: PemKind) => {
      const key = String(path.at(-1));
      const owner = holder as Record<string, string>;
      if (typeof owner[key] === 'string') fields.push({ path, holder: owner, key, kind });
    };
    for (const [at, certificate] of tls.certificates.entries()) {
      add([...within, 'certificates', at, 'certFile'], certificate, 'CERTIFICATE');
      add([...within, 'certificates', at, 'keyFile'], certificate, 'PRIVATE KEY');
    }
    add([...within, 'clientAuth', 'caFile'], tls.clientAuth, 'CERTIFICATE');
    add([...within, 'clientAuth', 'crlFile'], tls.clientAuth, 'X509 CRL');
  }
  return fields;
}

type PemKind = 'CERTIFICATE' | 'PRIVATE KEY' | 'X509 CRL';

function pemProblem(file: string, kind: PemKind): string | null {
  try {
    if (new RegExp(`-----BEGIN (?:[A-Z]+ )?${kind}-----`).test(readFileSync(file, 'latin1'))) {
      return null;
    }
    return kind === 'CERTIFICATE'
      ? `expected a PEM file with certificates, got '${file}', which has none`
      : `expected a PEM file with a block '${kind}', got '${file}', which has none`;
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return `expected a readable PEM file, got '${file}' (${code})`;
  }
}

function originsOf(config: Config, draft: Draft): Map<string, string> {
  const origins = new Map<string, string>();
  const walk = (value: unknown, path: Path) => {
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) {
        walk(inner, [...path, Array.isArray(value) ? Number(key) : key]);
      }
    } else {
      const place = valueAt(draft.value, path) === undefined ? null : originOf(draft, path);
      origins.set(formatPath(path), place === null ? 'default' : formatOrigin(place));
    }
  };
  walk(settingsOf(config), []);
  return origins;
}

function fileProblem(file: string): string | null {
  try {
    accessSync(file, constants.R_OK);
    return null;
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return `expected a readable file, got '${file}' (${code})`;
  }
}
