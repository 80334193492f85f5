// The schema of tests of routing: requests, and where they must end up.

import { isIP } from 'node:net';
import * as z from 'zod';
import { integer, section, text } from './fields.ts';

const requestError = "a method and a URL such as 'GET https://example.com/path'";

const places = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'] as const;

/** Describes tests that a configuration must pass to be used. */
export const testsSchema = z
  .array(
    section({
      request: text(requestError, (line) =>
        /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ https?:\/\/[^\s/?#]+(?:[/?][^\s]*)?$/.test(line)
          ? line
          : null,
      ).describe("Method and URL, the path as on the wire: 'GET https://example.com/a%20b'."),
      headers: z
        .record(z.string().toLowerCase(), z.string({ error: 'a text' }).describe('Value.'), {
          error: 'a map of header fields',
        })
        .prefault({})
        .describe('Header fields of the request.'),
      body: z
        .string({ error: 'a text' })
        .nullable()
        .prefault(null)
        .describe('Body of the request: JSON, for routes that ask for it.'),
      client: text("an address such as '192.0.2.1'", (one) => (isIP(one) === 0 ? null : one))
        .prefault('192.0.2.1')
        .describe('Address of the client.'),
      country: text("a country code in capitals such as 'DE'", (code) =>
        /^[A-Z]{2}$/.test(code) ? code : null,
      )
        .nullable()
        .prefault(null)
        .describe('Where the client is; databases are not asked in tests.'),
      continent: z
        .enum(places, { error: 'a continent code' })
        .nullable()
        .prefault(null)
        .describe('Where the client is.'),
      asn: integer({ min: 0, max: 2 ** 32 - 1 })
        .prefault(0)
        .describe('Autonomous system of the client; 0 for none.'),
      upstream: z
        .string({ error: 'the name of an upstream' })
        .nullable()
        .prefault(null)
        .describe('The upstream, or one of several, that must be reached.'),
      route: z
        .string({ error: 'the name of a route' })
        .nullable()
        .prefault(null)
        .describe('The route that must be taken.'),
      location: z
        .string({ error: 'a URL' })
        .nullable()
        .prefault(null)
        .describe('Where a redirect must lead.'),
      status: integer({ min: 200, max: 599 })
        .nullable()
        .prefault(null)
        .describe('The status that must be answered without an upstream; 400 for refused targets.'),
    }),
    { error: 'a list of tests' },
  )
  .prefault([])
  .describe('Requests and where they must end up: checked before a configuration is used.');
