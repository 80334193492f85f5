// One string for each text that peers say again and again, on whatever connection: names and values of
// fields that stay the same. Whoever compares what he is given with what he has sees that at a glance; two
// equal strings, each a piece of another head, are compared by a call into the engine (48 ns in place of 3).

import { TextMemo } from '../../../std/text-memo.ts';

const texts = new TextMemo((text) => text, { texts: 1024, chars: 512 });

/** Returns a text that equals `text`: the same one each time, as long as there are not too many. */
export function sharedText(text: string): string {
  return texts.of(text);
}
