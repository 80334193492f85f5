// The schema as a plain tree: which keys exist where, what a scalar accepts, and what it is for. Used to
// read environment variables and --set, to suggest names, and to list every setting.

import type * as z from 'zod';
import { isShortForm } from './fields.ts';
import type { Path } from './path.ts';
import { configSchema } from './schema.ts';

export type ScalarKind = 'string' | 'number' | 'boolean' | 'null';

interface FieldBase {
  readonly description: string;
  /** As written in the schema; undefined when there is none. */
  readonly defaultValue: unknown;
}
export interface ScalarField extends FieldBase {
  readonly kind: 'scalar';
  readonly accepts: ReadonlySet<ScalarKind>;
}
export interface ObjectField extends FieldBase {
  readonly kind: 'object';
  readonly fields: ReadonlyMap<string, Field>;
  /** May be null as a whole, and is so by default. */
  readonly isNullable: boolean;
}
export interface MapField extends FieldBase {
  readonly kind: 'map';
  readonly value: Field;
}
export interface ListField extends FieldBase {
  readonly kind: 'list';
  readonly item: Field;
}
export type Field = ScalarField | ObjectField | MapField | ListField;

let root: ObjectField | null = null;

/** Returns the tree of the whole configuration. Built once. */
export function configFields(): ObjectField {
  root ??= readField(configSchema) as ObjectField;
  return root;
}

/** Returns the field at `path`, or null where the schema has none. */
export function fieldAt(path: Path, from: Field = configFields()): Field | null {
  let field: Field | null = from;
  for (const step of path) {
    if (field === null) return null;
    field = childOf(field, step);
  }
  return field;
}

/** Returns the field of one key or index, or null. */
export function childOf(field: Field, step: string | number): Field | null {
  if (field.kind === 'object') return field.fields.get(String(step)) ?? null;
  if (field.kind === 'map') return field.value;
  if (field.kind === 'list') return typeof step === 'number' ? field.item : null;
  return null;
}

function readField(schema: z.core.$ZodType): Field {
  let description = '';
  let defaultValue: unknown;
  let isNullable = false;
  let inner = schema;
  for (;;) {
    description ||= (inner as z.ZodType).description ?? '';
    const { def } = inner._zod as { def: z.core.$ZodTypes['_zod']['def'] };
    if (def.type === 'default' || def.type === 'prefault') defaultValue ??= def.defaultValue;
    if (def.type === 'nullable') isNullable = true;
    if (def.type === 'pipe') inner = def.in;
    else if ('innerType' in def) inner = def.innerType;
    else break;
  }
  const field = { ...readShape(inner), description, defaultValue } as Field;
  if (isNullable && field.kind === 'scalar') {
    return { ...field, accepts: new Set([...field.accepts, 'null' as const]) };
  }
  return field.kind === 'object' ? { ...field, isNullable } : field;
}

function readShape(schema: z.core.$ZodType): Partial<Field> {
  const { def } = schema._zod as { def: z.core.$ZodTypes['_zod']['def'] };
  switch (def.type) {
    case 'object': {
      const entries = Object.entries(def.shape).filter(([, value]) => !isShortForm(value));
      return { kind: 'object', fields: new Map(entries.map(([key, v]) => [key, readField(v)])) };
    }
    case 'record':
      return { kind: 'map', value: readField(def.valueType) };
    case 'array':
      return { kind: 'list', item: readField(def.element) };
    case 'union': {
      // A short form (a URL for a peer, one host for a list) stands beside the full one, which counts.
      const members = def.options.map(readField);
      const full = members.find((member) => member.kind !== 'scalar');
      if (full !== undefined) return full;
      const accepts = members.flatMap((member) =>
        member.kind === 'scalar' ? [...member.accepts] : [],
      );
      return { kind: 'scalar', accepts: new Set(accepts) };
    }
    case 'number':
      return { kind: 'scalar', accepts: new Set(['number' as const]) };
    case 'boolean':
      return { kind: 'scalar', accepts: new Set(['boolean' as const]) };
    case 'string':
    case 'enum':
    case 'literal':
      return { kind: 'scalar', accepts: new Set(['string' as const]) };
    case 'unknown':
      return { kind: 'scalar', accepts: new Set(['string', 'number', 'boolean', 'null'] as const) };
    default:
      throw new Error(`the schema uses a type that nobody can set: ${def.type}`);
  }
}
