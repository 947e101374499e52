import { readdirSync, readFileSync } from 'node:fs';

/** Of all threads, as the scheduler counts it: finer than the ticks of `process-use.ts`. */
export function cpuNanoseconds(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    const [running] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
    return sum + Number(running);
  }, 0);
}
