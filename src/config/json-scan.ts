// Finds where a text stops being JSON (RFC 8259), because JSON.parse does not always say. Builds nothing.

/** The first thing that is wrong, by offset. */
export interface JsonFlaw {
  readonly offset: number;
  readonly expected: string;
  /** What stands there instead; null at the end of the text. */
  readonly got: string | null;
}

const space = /[ \t\n\r]*/y;
const string = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** What may come next: drawn as a pushdown automaton whose stack holds the open brackets. */
type State = 'value' | 'first-item' | 'first-key' | 'key' | 'after-value';

/** Returns the first flaw of `text`, or null when it is JSON. */
export function findJsonFlaw(text: string): JsonFlaw | null {
  const open: ('}' | ']')[] = [];
  let state = 'value' as State;
  let at = 0;

  function take(pattern: RegExp): boolean {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  }

  function takeValue(): boolean {
    const bracket = text[at];
    if (bracket === '{' || bracket === '[') {
      at += 1;
      open.push(bracket === '{' ? '}' : ']');
      state = bracket === '{' ? 'first-key' : 'first-item';
      return true;
    }
    state = 'after-value';
    return take(string) || take(scalar);
  }

  function takeKey(): string | null {
    if (!take(string)) return 'a key in double quotes';
    take(space);
    state = 'value';
    return text[at++] === ':' ? null : "':'";
  }

  /** Takes one step; returns what was expected when it is not there. */
  function step(): string | null {
    if (state === 'after-value') {
      const bracket = open.at(-1);
      if (bracket === undefined) return at === text.length ? null : 'the end of the file';
      if (text[at] === ',') state = bracket === '}' ? 'key' : 'value';
      else if (text[at] === bracket) open.pop();
      else return `',' or '${bracket}'`;
      at += 1;
      return null;
    }
    const isEmpty =
      state === 'first-key' ? text[at] === '}' : state === 'first-item' && text[at] === ']';
    if (isEmpty) {
      at += 1;
      open.pop();
      state = 'after-value';
      return null;
    }
    if (state === 'key' || state === 'first-key') return takeKey();
    return takeValue() ? null : 'a value';
  }

  for (;;) {
    take(space);
    const isDone = state === 'after-value' && open.length === 0 && at === text.length;
    if (isDone) return null;
    const expected = step();
    if (expected !== null) return flawAt(text, expected === "':'" ? at - 1 : at, expected);
  }
}

function flawAt(text: string, offset: number, expected: string): JsonFlaw {
  const rest = text.slice(offset, offset + 200);
  const word = /^(?:[\w.+-]+|\/[/*]|"[^"\n]{0,20}"?|.)/su.exec(rest)?.[0];
  return { offset, expected, got: word ?? null };
}
