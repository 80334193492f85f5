// The schema of how doubtful paths are read; what each treatment does is in routing/target-policy.

import { safeTargetPolicy as safe } from '../routing/target-policy.ts';
import { choice, section } from './fields.ts';

const treatments = ['keep', 'normalise', 'refuse'] as const;
const refusable = ['keep', 'refuse'] as const;

/** Describes the policy of paths: the same for routing, filters, cache and peers. */
export const pathsSchema = section({
  dotSegments: choice(treatments)
    .prefault(safe.dotSegments)
    .describe("'.' and '..', escaped or not; above the root they are refused unless kept."),
  repeatedSlashes: choice(treatments)
    .prefault(safe.repeatedSlashes)
    .describe("'//' in a path; normalise makes it one."),
  encodedSlashes: choice(treatments)
    .prefault(safe.encodedSlashes)
    .describe('%2F in a path; normalise makes it a slash.'),
  backslashes: choice(treatments)
    .prefault(safe.backslashes)
    .describe("'\\' and %5C in a path; normalise makes them slashes."),
  parameters: choice(treatments)
    .prefault(safe.parameters)
    .describe("';name=value' behind a segment; normalise takes it away."),
  nonAscii: choice(treatments)
    .prefault(safe.nonAscii)
    .describe('Bytes above 127 in a path; normalise escapes them.'),
  escapes: choice(['keep', 'normalise'])
    .prefault(safe.escapes)
    .describe("Needless escapes such as %61 for 'a'; normalise decodes them."),
  malformedEscapes: choice(['normalise', 'refuse'])
    .prefault(safe.malformedEscapes)
    .describe("'%' without two hexadecimal digits; normalise makes it %25."),
  controls: choice(refusable)
    .prefault(safe.controls)
    .describe('Escaped control bytes in a path, %00 above all.'),
  doubleEscapes: choice(refusable)
    .prefault(safe.doubleEscapes)
    .describe('Delimiters escaped twice in a path, such as %252e.'),
  overlongEscapes: choice(refusable)
    .prefault(safe.overlongEscapes)
    .describe('Delimiters in overlong UTF-8 in a path, such as %c0%af.'),
})
  .prefault({})
  .describe('How doubtful paths are read, the same by routing, filters, cache and peers.');
