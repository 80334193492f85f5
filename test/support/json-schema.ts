// Checks data against the part of JSON Schema that our OpenAPI description uses. A keyword it does not know
// is an error of the test, so that nothing passes unseen.

type Schema = Readonly<Record<string, unknown>>;

/** The schemas that `$ref` may name, by their last step. */
export type Components = Readonly<Record<string, Schema>>;

const ignored = new Set(['description', 'default']);

/** Returns what is wrong with `value`, with paths; empty when nothing is. */
export function schemaProblems(value: unknown, schema: Schema, components: Components): string[] {
  const problems: string[] = [];

  function check(one: unknown, { $ref, ...own }: Schema, path: string): void {
    if (typeof $ref === 'string') {
      const target = components[$ref.slice($ref.lastIndexOf('/') + 1)];
      if (target === undefined) throw new Error(`${$ref} does not exist`);
      check(one, target, path);
    }
    for (const [keyword, wanted] of Object.entries(own)) {
      if (ignored.has(keyword)) continue;
      const rule = rules[keyword];
      if (rule === undefined) throw new Error(`unknown keyword ${keyword} at ${path}`);
      rule(one, wanted, path, own);
    }
  }

  function isFine(one: unknown, schema: Schema): boolean {
    return schemaProblems(one, schema, components).length === 0;
  }

  function complain(path: string, message: string): void {
    problems.push(`${path}: ${message}`);
  }

  type Rule = (one: unknown, wanted: unknown, path: string, own: Schema) => void;

  const rules: Readonly<Record<string, Rule>> = {
    type(one, wanted, path) {
      const names = [wanted].flat() as string[];
      if (!names.some((name) => isOfType(one, name))) complain(path, `is no ${names.join(' or ')}`);
    },
    enum(one, wanted, path) {
      if (!(wanted as unknown[]).includes(one)) complain(path, `${one} is not allowed`);
    },
    minimum(one, wanted, path) {
      if (typeof one === 'number' && one < (wanted as number))
        complain(path, `${one} is too small`);
    },
    maximum(one, wanted, path) {
      if (typeof one === 'number' && one > (wanted as number))
        complain(path, `${one} is too large`);
    },
    minProperties(one, wanted, path) {
      if (isObject(one) && Object.keys(one).length < (wanted as number)) complain(path, 'is empty');
    },
    format(one, wanted, path) {
      if (wanted !== 'date-time') throw new Error(`unknown format ${wanted}`);
      const isDate = typeof one !== 'string' || new Date(one).toISOString() === one;
      if (!isDate) complain(path, `${one} is no date`);
    },
    anyOf(one, wanted, path) {
      if (!(wanted as Schema[]).some((schema) => isFine(one, schema)))
        complain(path, 'fits nothing');
    },
    required(one, wanted, path) {
      for (const key of wanted as string[]) {
        if (isObject(one) && !Object.hasOwn(one, key)) complain(`${path}.${key}`, 'is missing');
      }
    },
    properties(one, wanted, path) {
      for (const [key, schema] of Object.entries(wanted as Record<string, Schema>)) {
        if (isObject(one) && Object.hasOwn(one, key)) check(one[key], schema, `${path}.${key}`);
      }
    },
    additionalProperties(one, wanted, path, own) {
      if (wanted !== false) throw new Error('only additionalProperties: false is known');
      const known = Object.keys((own['properties'] ?? {}) as object);
      for (const key of isObject(one) ? Object.keys(one) : []) {
        if (!known.includes(key)) complain(`${path}.${key}`, 'is not described');
      }
    },
    items(one, wanted, path) {
      for (const [at, item] of (Array.isArray(one) ? one : []).entries()) {
        check(item, wanted as Schema, `${path}[${at}]`);
      }
    },
  };

  check(value, schema, '$');
  return problems;
}

function isOfType(value: unknown, name: string): boolean {
  if (name === 'null') return value === null;
  if (name === 'integer') return Number.isInteger(value);
  if (name === 'array') return Array.isArray(value);
  if (name === 'object') return isObject(value);
  return typeof value === name;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
