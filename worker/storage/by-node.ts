/** By number of the node, in their order. A node without rows is not in it. */
export function byNode<T extends { readonly nodeNumber: number }>(rows: readonly T[]): Map<number, T[]> {
  return byKey(rows, ({ nodeNumber }) => nodeNumber);
}

/** The same by any key. */
export function byKey<K, T>(rows: readonly T[], keyOf: (row: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const own = found.get(key);
    if (own) own.push(row);
    else found.set(key, [row]);
  }
  return found;
}
