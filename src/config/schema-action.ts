// The schema of what a route does besides sending requests to an upstream: redirects, fixed responses, a
// maintenance page.

import * as z from 'zod';
import { OWN_FIELDS } from '../core/headers.ts';
import { templateProblem } from '../routing/template.ts';
import { readCidr } from './addresses.ts';
import { duration, integer, section, text } from './fields.ts';

const secondMs = 1000;
const dayMs = 24 * 3600 * secondMs;
const statusError = '301, 302, 303, 307 or 308';

/** Builds a text with variables. */
export function template(expected: string) {
  return text(`${expected}; variables such as {host}, {path} or {path.NAME}`, (written) =>
    templateProblem(written) === null && isLine(written) ? written : null,
  );
}

/** Builds the name of a field that Sluice does not write itself. */
export function settableField() {
  const error = "a header field name such as 'x-served-by', none that frames messages";
  return z
    .string({ error })
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, { error })
    .transform((name) => name.toLowerCase())
    .refine((name) => !OWN_FIELDS.has(name), { error });
}

function isLine(written: string): boolean {
  return !/[\x00-\x1f\x7f]/.test(written);
}

/** Builds a text that is sent as it is, beside a file that has it. */
function body(what: string) {
  return {
    body: z.string({ error: 'a text' }).prefault('').describe(`${what}, in UTF-8.`),
    bodyFile: z
      .string({ error: 'a file path, or null' })
      .min(1, { error: 'a file path, or null' })
      .nullable()
      .prefault(null)
      .describe('File with the body instead; watched.'),
  };
}

/** Describes where clients are sent. */
export const redirectSchema = section({
  to: template("a URL or path such as 'https://{host}{path}{query}'").describe(
    'URL or path, with variables.',
  ),
  status: z
    .literal([301, 302, 303, 307, 308], { error: statusError })
    .prefault(302)
    .describe('301 and 308 for good, 302, 303 and 307 for now; 307 and 308 keep the method.'),
})
  .nullable()
  .prefault(null)
  .describe('Sends clients elsewhere; in place of an upstream.');

/** Describes an answer that is always the same. */
export const respondSchema = section({
  status: integer({ min: 200, max: 599 }).prefault(200).describe('Status code.'),
  headers: z
    .record(settableField(), template('a field value').describe('Value, with variables.'), {
      error: 'a map of header fields',
    })
    .prefault({ 'content-type': 'text/plain; charset=utf-8' })
    .describe('Header fields.'),
  ...body('Body'),
})
  .nullable()
  .prefault(null)
  .describe('Answers without an upstream.');

/** Describes the page while an application is being looked after. */
export const maintenanceSchema = section({
  except: z
    .array(text("an address or CIDR block such as '10.0.0.0/8'", readCidr), {
      error: 'a list of addresses and CIDR blocks',
    })
    .prefault([])
    .describe('Clients that are let through.'),
  retryAfterMs: duration({ min: secondMs, max: 7 * dayMs })
    .prefault('5m')
    .describe('When it is worth asking again; sent as Retry-After.'),
  contentType: template("a media type such as 'text/html; charset=utf-8'")
    .prefault('text/plain; charset=utf-8')
    .describe('Media type of the page.'),
  ...body('Page'),
})
  .nullable()
  .prefault(null)
  .describe('While it is given: 503 with this page, before anything else of the route.');
