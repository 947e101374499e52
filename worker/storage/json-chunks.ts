/** Many rows as one bound value: a statement reads them with `json_each(?1)`, so that a hundred rows are one query. */

/** D1 takes at most 2 MB per bound value. */
const MAX_BOUND_CHARACTERS = 1_000_000;

/** @returns JSON arrays of the items, as few as hold them within the bound; an item that is larger stands alone */
export function jsonChunks(items: readonly string[]): string[] {
  const chunks: string[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const item of items) {
    if (size + item.length > MAX_BOUND_CHARACTERS) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)!.push(item);
    size += item.length;
  }
  return chunks.map((chunk) => `[${chunk.join(',')}]`);
}
