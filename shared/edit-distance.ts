/** Levenshtein: single-character insertions, deletions and substitutions. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The word that someone who wrote `written` most likely meant; the first of equals. `words` is not empty. */
export function nearestWord(written: string, words: readonly string[]): string {
  const distanceOf = (word: string) => editDistance(written.toLowerCase(), word.toLowerCase());
  return words.reduce((best, word) => (distanceOf(word) < distanceOf(best) ? word : best));
}
