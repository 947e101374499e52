/** By what the server knows this host again, and when it would take a copy of it for it. */
import { machineIdentity } from '../inventory/fingerprints.ts';
import type { HostPaths } from '../inventory/host-paths.ts';
import { counted } from '../jobs/job-source.ts';
import type { Check } from './check.ts';

/** @param gpus how many GPUs this host meters */
export async function identityCheck(paths: HostPaths, gpus: number): Promise<Check> {
  const shared = { area: 'host', name: 'identity' } as const;
  const machine = await machineIdentity(paths);
  if (machine === null)
    return {
      ...shared,
      result: 'problem',
      detail:
        'neither the DMI UUID nor /etc/machine-id can be read: the server could not know this host again',
      fix: 'systemd-machine-id-setup',
    };
  const withGpus = gpus === 0 ? '' : ` and ${counted(gpus, 'GPU')}`;
  if (machine.source === 'dmi')
    return { ...shared, result: 'ok', detail: `known by its DMI UUID${withGpus}` };
  const copies =
    gpus > 0
      ? 'a copy of its disk has other GPUs and is told apart'
      : 'a copy of its disk with the same host name is taken for it: give each copy its own (systemd-firstboot, or an empty /etc/machine-id in the image)';
  return {
    ...shared,
    result: 'note',
    detail: `known by /etc/machine-id${withGpus}, since the DMI UUID is ${machine.why}; ${copies}`,
  };
}
