/** Whose turn is next: a binary heap by time. */

export interface Turn<T> {
  readonly atMs: number;
  readonly item: T;
}

export class TurnQueue<T> {
  readonly #heap: Turn<T>[] = [];

  add(atMs: number, item: T): void {
    const heap = this.#heap;
    let index = heap.push({ atMs, item }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.atMs <= heap[index]!.atMs) break;
      this.#swap(parent, index);
      index = parent;
    }
  }

  /** The earliest, taken out; null where there is none. */
  next(): Turn<T> | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const child = left + 1 < heap.length && heap[left + 1]!.atMs < heap[left]!.atMs ? left + 1 : left;
      if (child >= heap.length || heap[child]!.atMs >= heap[index]!.atMs) return first;
      this.#swap(child, index);
      index = child;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  }
}
