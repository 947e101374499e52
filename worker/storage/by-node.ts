/** By number of the node, in their order. A node without rows is not in it. */
export function byNode<T extends { readonly nodeNumber: number }>(rows: readonly T[]): Map<number, T[]> {
  const found = new Map<number, T[]>();
  for (const row of rows) {
    const own = found.get(row.nodeNumber);
    if (own) own.push(row);
    else found.set(row.nodeNumber, [row]);
  }
  return found;
}
