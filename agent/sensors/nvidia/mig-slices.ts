/** An A30 has four compute slices, all other GPUs that can be partitioned have seven. */
const slicesOf = (gpuName: string) => (/\bA30\b/.test(gpuName) ? 4 : 7);

/** The part of a GPU that an instance of so many compute slices is, 0..1. */
export const migRatio = (gpuName: string, slices: number) => Math.min(1, slices / slicesOf(gpuName));
