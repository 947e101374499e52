/**
 * Memory may be told module by module, as the firmware's table or the kernel's EDAC driver has it, or as one total. They
 * are the same memory, so one description is in the ledger at a time, and a finer one takes the place of a coarser.
 */

/** 0: a total; 1: modules by their place at a controller; 2: modules by their serial number or slot. Null: no memory. */
function detailOf({ type, id }: { readonly type: string; readonly id: string }): number | null {
  if (type === 'memory') return 0;
  if (type !== 'dimm') return null;
  return /^dimm-mc\d/.test(id) ? 1 : 2;
}

export interface MemoryPart {
  readonly id: string;
  readonly type: string;
  readonly capacityBytes: number | null;
}

export interface MemoryChanges<K, R> {
  /** Of what is reported, what the ledger may take up. */
  readonly accepted: readonly R[];
  /** Told in finer parts from now on. */
  readonly superseded: readonly K[];
  /** Told more coarsely than the ledger has it: that nobody names them says nothing of them. */
  readonly unseen: readonly K[];
}

/** @param known parts in service */
export function memoryChanges<K extends MemoryPart, R extends MemoryPart>(
  known: readonly K[],
  reported: readonly R[],
): MemoryChanges<K, R> {
  const finest = (parts: readonly MemoryPart[]) => Math.max(-1, ...parts.map((part) => detailOf(part) ?? -1));
  const [had, has] = [finest(known), finest(reported)];
  const level = Math.max(had, has);
  const memory = known.filter((part) => detailOf(part) !== null);
  return {
    accepted: reported.filter((part) => (detailOf(part) ?? level) === level),
    superseded: memory.filter((part) => detailOf(part)! < level),
    unseen: has === -1 || has >= had ? [] : memory,
  };
}

/**
 * What a total has more than the ledger: a part of its own, since what was added has a date of its own. A total never
 * shrinks: a module that failed was made all the same.
 *
 * @param totals of the ledger, in service
 */
export function grownTotal<R extends MemoryPart>(totals: readonly MemoryPart[], total: R): R[] {
  const before = totals.reduce((sum, { capacityBytes }) => sum + (capacityBytes ?? 0), 0);
  const moreBytes = (total.capacityBytes ?? 0) - before;
  return moreBytes <= 0
    ? []
    : [{ ...total, id: `${total.id}-${totals.length + 1}`, capacityBytes: moreBytes }];
}
