/** Numbers that look random and are the same on every run: a function of their place, with no state to carry along. */

/** From 0 to below 1, by a hash of the integers given (murmur3's finalizer over each). */
export function noise(...place: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const part of place) {
    hash = Math.imul(hash ^ (part | 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}
