// The schema of what a route changes in requests and responses on their way.

import * as z from 'zod';
import { BoundedRegex, regexProblem } from '../routing/bounded-regex.ts';
import { templateProblem } from '../routing/template.ts';
import { flag, section, text } from './fields.ts';
import { settableField, template } from './schema-action.ts';

const prefixError = "a path without a slash at its end such as '/api', or null";
const regexError = "an expression in RE2's syntax such as '^/v([0-9]+)/'";

const prefix = text(prefixError, (path) =>
  /^(?:\/[!"$&-.0-~]+)+$/.test(path) && !/[?#%\\]/.test(path) ? path : null,
)
  .nullable()
  .prefault(null);

const expression = text(regexError, (pattern) =>
  pattern !== '' && regexProblem(pattern) === null ? pattern : null,
);

/** Builds an expression and what stands in its place, with its groups as {1}, {2}… */
function replacement(what: string) {
  return section({
    regex: expression.describe("Expression in RE2's syntax."),
    to: z
      .string({ error: 'a text' })
      .describe(`What stands in its place; variables, and groups as {1}; ${what}.`),
  }).superRefine(({ regex, to }, context) => {
    const problem = templateProblem(to, new BoundedRegex(regex).groupCount);
    if (problem === null) return;
    const message = `a text with variables that are there: ${problem}`;
    context.addIssue({ code: 'custom', message, path: ['to'], input: to });
  });
}

const parameterName = z.string().min(1, { error: 'the name of a parameter' });

function parameters(description: string) {
  return z
    .record(parameterName, template('a value').describe('Value, with variables.'), {
      error: 'a map of query parameters',
    })
    .prefault({})
    .describe(description);
}

/** Describes what becomes of a target. */
export const rewriteSchema = section({
  stripPrefix: prefix.describe("Taken away from the path, e.g. '/api'."),
  addPrefix: prefix.describe('Put before the path, after stripping.'),
  path: z
    .array(replacement('the first match in the path is replaced'), {
      error: 'a list of expressions and replacements',
    })
    .prefault([])
    .describe('Replacements in the path, after prefixes, one after the other.'),
  query: section({
    remove: z
      .array(z.string(), { error: 'a list of names' })
      .prefault([])
      .describe("Parameters that are taken away; '*' at the end of a name for any end."),
    set: parameters('Parameters that have this value and no other.'),
    add: parameters('Parameters that are added where they are missing.'),
    append: parameters('Parameters that are added behind others of the name.'),
  })
    .prefault({})
    .describe('Changes to the query: remove, set, add, append, in this order.'),
})
  .prefault({})
  .describe('What becomes of the target before the peer sees it.');

const fieldPattern = text("a header field name, or its beginning such as 'x-internal-*'", (name) =>
  /^[!#$%&'+.^_`|~0-9A-Za-z-]{1,256}\*?$/.test(name) ? name.toLowerCase() : null,
);

function fields(description: string) {
  return z
    .record(settableField(), template('a field value').describe('Value, with variables.'), {
      error: 'a map of header fields',
    })
    .prefault({})
    .describe(description);
}

/** Builds the changes to the header fields of one direction. */
export function headerEditsSchema(description: string) {
  return section(headerEdits()).prefault({}).describe(description);
}

/** Describes the changes to the header fields for clients. */
export const responseEditsSchema = section({
  ...headerEdits(),
  always: flag()
    .prefault(false)
    .describe("Also in Sluice's own answers: errors, redirects, fixed responses."),
})
  .prefault({})
  .describe('Changes to the header fields for the client.');

function headerEdits() {
  return {
    remove: z
      .array(fieldPattern, { error: 'a list of header field names' })
      .prefault([])
      .describe("Fields that are taken away; '*' at the end of a name for any end."),
    set: fields('Fields that have this value and no other.'),
    add: fields('Fields that are added where they are missing.'),
    append: fields('Fields that are added beside others of the name.'),
  };
}

/** Describes how what the peer says about itself is mapped to what the client sees. */
export const mapBackSchema = section({
  location: flag()
    .nullable()
    .prefault(null)
    .describe(
      'Map Location, Content-Location, Refresh and the path of cookies; null: where prefixes or Host change.',
    ),
  cookieDomain: z
    .record(z.string().min(1), z.string().describe("The client's domain; '' for none."), {
      error: 'a map of domains',
    })
    .prefault({})
    .describe("Domains of cookies: the peer's, and what the client gets."),
  cookiePath: z
    .record(z.string().startsWith('/'), z.string().describe("The client's path."), {
      error: 'a map of paths',
    })
    .prefault({})
    .describe("Beginnings of cookie paths: the peer's, and what the client gets."),
})
  .prefault({})
  .describe('How what the peer says about itself is mapped back.');

const literal = section({
  from: z
    .string()
    .min(1, { error: 'a text' })
    .max(1024, { error: 'a shorter text' })
    .describe('Text.'),
  to: template('a text').describe('What stands in its place, with variables.'),
});

const attribute = section({
  tags: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/, { error: "a tag such as 'a'" }))
    .prefault([])
    .describe('Tags; none: all.'),
  attributes: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9:_-]*$/, { error: "an attribute such as 'href'" }))
    .prefault(['href', 'src', 'action', 'formaction', 'poster', 'data'])
    .describe('Attributes.'),
  from: z.string().min(1, { error: 'a text' }).describe('How the value begins.'),
  to: template('a text').describe('What stands in its place, with variables.'),
});

/** Describes replacements in bodies of responses. */
export const replaceBodySchema = section({
  types: z
    .array(
      z.string().regex(/^[\w.+-]+\/(?:[\w.+-]+|\*)$/, { error: "a media type such as 'text/*'" }),
    )
    .prefault([
      'text/html',
      'text/css',
      'text/javascript',
      'application/javascript',
      'application/json',
    ])
    .describe("Media types whose bodies are looked at; 'text/*' for a whole family."),
  html: z
    .array(attribute, { error: 'a list of attributes' })
    .prefault([])
    .describe('Beginnings of attributes in text/html.'),
  text: z.array(literal, { error: 'a list of texts' }).prefault([]).describe('Texts, as they are.'),
  regex: z
    .array(replacement('matches up to 4 KiB'), { error: 'a list of expressions' })
    .prefault([])
    .describe('Expressions; matches are looked for in pieces of 8 KiB.'),
})
  .nullable()
  .prefault(null)
  .describe('Replaces in bodies of responses, as they pass.');
