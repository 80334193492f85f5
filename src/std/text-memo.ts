// What texts mean that come again and again, so that each is read once. Bounded in number and in length:
// whoever makes up texts only has his own read each time.

import { flatText } from './flat-text.ts';

/** What is remembered at most. */
export interface TextMemoBounds {
  readonly texts: number;
  readonly chars: number;
}

const BOUNDS: TextMemoBounds = { texts: 256, chars: 1024 };

/** A memory of what a function without side effects makes of texts. */
export class TextMemo<T> {
  readonly #make: (text: string) => T;
  readonly #bounds: TextMemoBounds;
  readonly #known = new Map<string, T>();
  /** The last one, by itself: mostly it is the very same string, which is seen at a glance. */
  #lastText: string;
  #last: T;

  constructor(make: (text: string) => T, bounds = BOUNDS) {
    this.#make = make;
    this.#bounds = bounds;
    this.#lastText = '';
    this.#last = make('');
  }

  /** Returns what is made of `text`: the same object each time, for as long as it is remembered. */
  of(text: string): T {
    if (text !== this.#lastText) return this.#find(text);
    // The next one is likely to be this very string: to find two of them equal, pieces of longer texts, takes
    // ten times as long (3 ns, and 33), time after time if the first was kept.
    this.#lastText = text;
    return this.#last;
  }

  #find(text: string): T {
    if (text.length > this.#bounds.chars) return this.#make(text);
    let made = this.#known.get(text);
    if (made === undefined) made = this.#learn(text);
    this.#lastText = text;
    this.#last = made;
    return made;
  }

  #learn(text: string): T {
    // A copy: a piece of a longer text, as fields are, would keep the whole of it.
    const copy = flatText(text);
    const made = this.#make(copy);
    if (this.#known.size >= this.#bounds.texts) this.#known.clear();
    this.#known.set(copy, made);
    return made;
  }
}
