// Finds what somebody probably meant: the nearest of some known words to a mistyped one.

/**
 * Returns the candidate most like `word`, or null when none is close. Case, '-' and '_' do not count;
 * after that a word that begins like the other, then one within a third of its length in edits.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const wanted = squeeze(word);
  if (wanted.length === 0 || wanted.length > 100) return null;
  let best: string | null = null;
  let bestScore = Math.max(1, Math.floor(wanted.length / 3)) + 0.9;
  for (const candidate of candidates) {
    const score = distanceOf(wanted, squeeze(candidate));
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

function squeeze(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '');
}

function distanceOf(wanted: string, known: string): number {
  if (wanted === known) return 0;
  const [short, long] = wanted.length < known.length ? [wanted, known] : [known, wanted];
  if (short.length >= 3 && long.startsWith(short)) return 0.5;
  return editDistance(wanted, known);
}

/** Counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      let cost = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (isSame ? 0 : 1),
      );
      if (
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1]
      ) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
