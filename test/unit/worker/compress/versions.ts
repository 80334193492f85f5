// What the tests of dictionaries share: two versions of a page, and a worker that has served the first.

import { createHash } from 'node:crypto';
import type { Compression } from '../../../../src/worker/compress/compression.ts';
import { type Answer, makeCompression, Passage, page } from './bodies.ts';

export const V1 = page(100_000);
export const V2 = Buffer.concat([
  page(60_000),
  Buffer.from('<p>new</p>'),
  page(100_000).subarray(60_000),
]);
export const ON = { policy: { dictionaries: true } };
export const OFFER = ['content-type', 'text/html', 'use-as-dictionary', 'match="/p/*"'];

/** As Available-Dictionary names it. */
export function hashOf(content: Uint8Array): string {
  return `:${createHash('sha256').update(content).digest('base64')}:`;
}

/** A worker that has heard `content` offered as a dictionary. */
export async function heard(content: Buffer, answer: Answer = {}): Promise<Compression> {
  const compression = makeCompression();
  await passed(content, { ...ON, headers: OFFER, ...answer }, compression);
  return compression;
}

/** A response that is over. */
export async function passed(
  body: Buffer,
  answer: Answer,
  compression = makeCompression(),
): Promise<Passage> {
  const passage = new Passage(answer, compression);
  await passage.feed(body, 9000);
  passage.sink.end();
  await passage.client.over();
  return passage;
}
