/** Ids of episodes: the same first firing of the same rule and instance has the same id, whoever computes it. */

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** `ep_` and 16 hexadecimal digits: FNV-1a, 64 bits, over rule, scope, instance and the end of the first firing window. */
export function episodeId(ruleId: string, scope: string, instance: string, firedAtMs: number): string {
  const text = JSON.stringify([ruleId, scope, instance, firedAtMs]);
  let hash = OFFSET;
  for (let i = 0; i < text.length; i++)
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * PRIME);
  return `ep_${hash.toString(16).padStart(16, '0')}`;
}
