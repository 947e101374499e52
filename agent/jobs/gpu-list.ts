/** GPUs as schedulers list them in one text. */

/** More than any host has. */
export const MAX_GPU_NAMES = 64;

/** `0,2-3` and `GPU-…,MIG-…`. */
export function gpuList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part) => {
      const range = /^(\d{1,4})-(\d{1,4})$/.exec(part);
      if (range === null) return [part];
      const first = Number(range[1]);
      return Array.from(
        { length: Math.min(MAX_GPU_NAMES, Math.max(0, Number(range[2]) - first + 1)) },
        (_, i) => String(first + i),
      );
    })
    .slice(0, MAX_GPU_NAMES);
}
