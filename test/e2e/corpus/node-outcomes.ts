// What the engine node makes of the corpus of bad requests, where that differs from uWebSockets.js.
//
// Its parser answers 400 where the other one cuts the connection, waits, or says 505; these it serves, and
// may: they are malformed for the other engine only.

import type { BadRequest, Outcome } from './bad-request.ts';

interface NodeOutcome {
  readonly outcome: Outcome;
  readonly served: number;
  /** The request that follows is no smuggled one: everybody sees where this one ends. */
  readonly hasFollower?: boolean;
}

const served: NodeOutcome = { outcome: 200, served: 1 };
/** The head is good; what is wrong shows in the body, which never ends for whoever takes it. */
const bodyBreaks: NodeOutcome = { outcome: 400, served: 1 };
/** HTTP/1.1 lets clients pipeline. */
const pipelined: NodeOutcome = { outcome: 200, served: 2, hasFollower: true };

const differences: Readonly<Record<string, NodeOutcome>> = {
  'two bytes after the last chunk': bodyBreaks,
  'two bytes after chunk data': bodyBreaks,
  'a chunk size that is none': bodyBreaks,
  'a negative chunk size': bodyBreaks,
  'a chunk size that overflows': bodyBreaks,
  'a colon as hexadecimal digit': bodyBreaks,
  'chunk lines that end with a bare line feed': bodyBreaks,
  'a request pipelined after chunks': pipelined,
  'a chunk extension that the engine takes for digits': pipelined,
  'a chunk extension with a name': served,
  'a trailer field': served,
  'HTTP/1.0': served,
  'HTTP/0.9': { outcome: 408, served: 0 },
  'a target with scheme and host': served,
  'OPTIONS *': served,
  'two spaces': served,
  'a value that is not UTF-8': served,
  'an empty line in front': served,
};

/** What must come of `bad` on the engine node, at any pace. */
export function nodeOutcome(bad: BadRequest): NodeOutcome {
  const different = differences[bad.name];
  if (different !== undefined) return different;
  const { outcome } = bad;
  return { outcome: outcome === 426 || outcome === 431 ? outcome : 400, served: 0 };
}
