// The schema of pages in place of errors.

import * as z from 'zod';
import { duration, flag, section, text } from './fields.ts';
import { template } from './schema-action.ts';

const secondMs = 1000;
const statusRange = /^(?:[45][0-9][0-9]|[45]xx)$/;
const sourceError = 'file, or upstream in its place';

const page = section({
  file: z
    .string({ error: 'a file path, or null' })
    .min(1, { error: 'a file path, or null' })
    .nullable()
    .prefault(null)
    .describe('File with the page; watched.'),
  upstream: z
    .string({ error: 'the name of an upstream, or null' })
    .nullable()
    .prefault(null)
    .describe('Upstream that the page is fetched from, in place of a file.'),
  path: text("a path with or without a query such as '/sorry.html'", (one) =>
    /^\/[!-~]*$/.test(one) && !one.includes('#') ? one : null,
  )
    .prefault('/')
    .describe('Where the page is at the upstream.'),
  refreshMs: duration({ min: secondMs, max: 24 * 3600 * secondMs })
    .prefault('1m')
    .describe('How often it is fetched again; the last good one stays while that fails.'),
  contentType: template("a media type such as 'text/html; charset=utf-8'")
    .prefault('text/html; charset=utf-8')
    .describe('Media type of the page.'),
  intercept: flag()
    .prefault(false)
    .describe(
      "Also in place of what peers answer with that status, not only of Sluice's own errors.",
    ),
  variables: flag()
    .prefault(false)
    .describe(
      'Replace {status}, {reason}, {request_id} and others in the page (docs/rewriting.md).',
    ),
})
  .check(({ value, issues }) => {
    if ((value.file === null) !== (value.upstream === null)) return;
    const got = value.file === null ? 'neither' : 'both';
    const message = `${sourceError}, got ${got}`;
    issues.push({ code: 'custom', message, input: value, path: ['file'] });
  })
  .describe('A page.');

/** Describes the pages in place of errors. */
export const errorPagesSchema = z
  .record(
    z.string().regex(statusRange, { error: "a status such as '404', '5xx' or '4xx'" }),
    page,
    { error: 'a map of pages by status' },
  )
  .prefault({})
  .describe("Pages in place of error responses, by status: '404', '5xx'; the exact one first.");

type Pages = z.output<typeof errorPagesSchema>;

/** Returns the pages of a route: its own, then those for all routes; its 4xx goes before their 404. */
export function pagesOfRoute(own: Pages, shared: Pages): Pages {
  const isUsed = ([status]: [string, unknown]) => own[`${status[0]}xx`] === undefined;
  return { ...Object.fromEntries(Object.entries(shared).filter(isUsed)), ...own };
}
