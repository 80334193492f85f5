// The schema of request filters: what a route takes, and rules against common attacks.

import * as z from 'zod';
import { attackRuleNames } from '../core/attack-rule-names.ts';
import { KIB } from '../core/limits.ts';
import { regexProblem } from '../routing/bounded-regex.ts';
import { choice, integer, section, size, text } from './fields.ts';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const mediaType = /^[a-z0-9!#$&^_.+-]{1,127}\/(?:\*|[a-z0-9!#$&^_.+-]{1,127})$/;

const attacks = section({
  mode: choice(['off', 'report', 'block'])
    .prefault('off')
    .describe("What becomes of attacks: 'report' writes an event, 'block' answers 403."),
  threshold: integer({ min: 1, max: 100 })
    .prefault(5)
    .describe('Sum of the scores of rules from which a request is an attack.'),
  except: z
    .array(choice(attackRuleNames), { error: 'a list of rules' })
    .prefault([])
    .describe('Rules that are not used here (docs/filtering.md).'),
  bodyBytes: size({ min: 0, max: 64 * KIB })
    .prefault('16KiB')
    .describe('So much of forms, JSON, XML and text is looked at before they go on; 0 for none.'),
})
  .prefault({})
  .describe('Rules against common attacks in path, query, fields and bodies.');

/** Describes which requests a route takes. */
export const filter = section({
  methods: z
    .array(
      text("a method such as 'GET'", (method) => (token.test(method) ? method : null)),
      { error: 'a list of methods' },
    )
    .prefault([])
    .describe('Methods that are allowed; others get 405. Empty: all.'),
  targetBytesMax: size({ min: 0, max: 1024 * KIB })
    .prefault(0)
    .describe('Longest path with query; longer ones get 414. 0: as limits.requestHeadBytes.'),
  deniedAgents: z
    .array(text('part of a user agent, or ~ and an expression', readAgent), {
      error: 'a list of parts of user agents',
    })
    .prefault([])
    .describe("Parts of user agents, in any case, or '~' and an expression; those get 403."),
  contentTypes: z
    .array(
      text("a type such as 'application/json' or 'text/*'", (type) =>
        mediaType.test(type.toLowerCase()) ? type.toLowerCase() : null,
      ),
      { error: 'a list of content types' },
    )
    .prefault([])
    .describe('Types of request bodies that are allowed; others get 415. Empty: all.'),
  attacks,
})
  .nullable()
  .prefault(null)
  .describe('What kind of requests the route takes (docs/filtering.md).');

function readAgent(agent: string): string | null {
  if (agent === '' || agent.length > 1000) return null;
  return agent.startsWith('~') && regexProblem(agent.slice(1)) !== null ? null : agent;
}
