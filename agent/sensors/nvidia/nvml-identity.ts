/** What NVML does not tell of itself: when its counters began, and whose processes it lists. */
import { randomUUID } from 'node:crypto';
import { readlink, stat } from 'node:fs/promises';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';

/** The kernel's number of the first pid namespace: elsewhere the process list may hide other containers' processes. */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';

/** Boot, driver version and driver load: within them the energy counters go on. */
export async function counterIdentity(paths: HostPaths, driverVersion: string): Promise<string> {
  const bootId = await readTextOrEmpty(`${paths.procRoot}/sys/kernel/random/boot_id`);
  return [bootId, driverVersion, await driverLoad(paths)].join('/');
}

/**
 * One load of the driver: the kernel never gives the module's directory the same inode number twice in a boot. Where it
 * cannot be seen, the counters are known to go on only within this session.
 */
async function driverLoad({ sysRoot }: HostPaths): Promise<string> {
  try {
    return String((await stat(`${sysRoot}/module/nvidia`, { bigint: true })).ino);
  } catch {
    return randomUUID();
  }
}

/** Whether NVML's process lists are complete for this agent. */
export async function seesAllProcesses({ procRoot }: HostPaths): Promise<boolean> {
  try {
    return (await readlink(`${procRoot}/self/ns/pid`)) === INITIAL_PID_NAMESPACE;
  } catch {
    return false;
  }
}
