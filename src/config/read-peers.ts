// Reads peers that stand outside of the configuration, by the rules and with the messages of its schema:
// a watched file with a list of peers, a peer in the body of a request, a change of one.

import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { checkReferences } from './check-references.ts';
import { type ConfigDocument, emptyDocument } from './document.ts';
import { createDraft, placeOf } from './draft.ts';
import { explainIssues } from './explain.ts';
import { section } from './fields.ts';
import type { PeerSettings } from './live-peer.ts';
import { formatPath, type Path } from './path.ts';
import { ConfigError, inOrder, type Place, type Problem } from './problem.ts';
import { parseText } from './read-text.ts';
import { peerObject, peerSettings, peers } from './schema-balancing.ts';

/** Largest file with peers, in bytes. */
const fileBytesMax = 4 * 1024 * 1024;

const { weight, priority, backup, connectionsMax, zone, draining } = peerObject.shape;

/** Describes a change of one peer: whatever is left out stays as it is. */
const patchSchema = section({
  weight: weight.unwrap().optional().describe(weight.description!),
  priority: priority.unwrap().optional().describe(priority.description!),
  backup,
  connectionsMax: connectionsMax.unwrap().optional().describe(connectionsMax.description!),
  zone: zone.unwrap().optional().describe(zone.description!),
  draining: draining.unwrap().optional().describe(draining.description!),
});

/** What may be changed of a peer that is there. */
export type PeerPatch = Partial<Omit<PeerSettings, 'url'>>;

/** Reads a peer from plain data such as `{ url, weight }`. Throws ConfigError. */
export function readPeer(raw: unknown): PeerSettings {
  return readOne(raw, peerSettings);
}

/** Reads a change of a peer. Throws ConfigError. */
export function readPeerPatch(raw: unknown): PeerPatch {
  if (typeof raw === 'object' && raw !== null) {
    if ('url' in raw) throw complaint('url', 'can not be changed: remove the peer and add another');
    if (Object.keys(raw).length === 0) {
      throw complaint('', `expected at least one of ${Object.keys(patchSchema.shape).join(', ')}`);
    }
  }
  const { backup: _, ...patch } = readOne(raw, patchSchema);
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

/** Reads a file with a list of peers: JSON when it is called so, else YAML. Throws ConfigError. */
export async function readPeerFile(file: string): Promise<PeerSettings[]> {
  const text = await readText(file);
  const { value, place } = parseText(text, file, file.endsWith('.json') ? 'json' : 'yaml');
  return readAs({ file, value, files: [file], place }, peers);
}

/** Returns the JSON Schemas of a peer and of a change of one, as they are written. */
export function peerJsonSchemas(): { peer: object; patch: object } {
  const convert = (schema: z.ZodType) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
    return rest;
  };
  return { peer: convert(peerSettings), patch: convert(patchSchema) };
}

function readOne<Output>(raw: unknown, schema: z.ZodType<Output>): Output {
  // A text would do in a list; where one peer is written, an object is.
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw complaint('', 'expected an object');
  }
  const document: ConfigDocument = { ...emptyDocument(process.cwd()), value: [raw] };
  const [peer] = readAs(document, z.array(schema));
  return peer!;
}

/**
 * Reads `document`, a list of peers, as if it stood in a configuration, where paths and short forms have
 * their meaning.
 */
function readAs<Output>(document: ConfigDocument, schema: z.ZodType<Output>): Output {
  const place: Path = ['upstreams', 'app', 'peers'];
  const draft = createDraft({
    ...document,
    // The name of a file: such an upstream may have no peers of its own.
    value: { upstreams: { app: { peers: document.value, discovery: { file: '-' } } } },
    place: (path, at) => document.place(path.slice(place.length), at),
  });
  const whole = z.object({ upstreams: z.object({ app: z.object({ peers: schema }) }) });
  const parsed = whole.safeParse(draft.value);
  const problems: Problem[] = parsed.success ? [] : explainIssues(draft, parsed.error.issues);
  for (const { path, message, suggestion = null } of checkReferences(draft.value)) {
    problems.push({ place: placeOf(draft, path), path: formatPath(path), message, suggestion });
  }
  if (!parsed.success || problems.length > 0) {
    const isOne = document.files.length === 0;
    const prefix = formatPath(isOne ? [...place, 0] : place);
    const own = problems.map(({ path, message, ...rest }) => {
      // Messages name other peers of the same list.
      return { ...rest, path: shorten(path, prefix), message: message.replaceAll(prefix, '') };
    });
    throw new ConfigError(own.sort(inOrder));
  }
  return parsed.data.upstreams.app.peers;
}

function shorten(path: string, prefix: string): string {
  return path.startsWith(prefix) ? path.slice(prefix.length).replace(/^\./, '') : path;
}

async function readText(file: string): Promise<string> {
  const place: Place = { kind: 'file', file, line: null };
  const refuse = (message: string) => new ConfigError([{ place, path: '', message }]);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw refuse(`cannot be read: ${code}`);
  }
  if (bytes.length > fileBytesMax) throw refuse('expected at most 4 MiB, got more');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('expected text in UTF-8, got bytes that are not');
  }
}

function complaint(path: string, message: string): ConfigError {
  return new ConfigError([{ place: null, path, message }]);
}
