/** Who this host is, without telling the server any of its identifiers. */
import { createHash } from 'node:crypto';
import type { EnrollBody } from '../../shared/wire/ingest.ts';
import type { HostPaths } from './host-paths.ts';
import { readTextOrEmpty } from './read-text.ts';

export type Fingerprints = Pick<EnrollBody, 'fingerprint' | 'machineFingerprint'>;

/** What board makers leave in the field when they do not fill it in: shared by many machines. */
const PLACEHOLDER_UUIDS = [
  /^0{8}-0{4}-0{4}-0{4}-0{12}$/,
  /^f{8}-f{4}-f{4}-f{4}-f{12}$/,
  /^03000200-0400-0500-0006-000700080009$/,
];

export interface MachineIdentity {
  readonly id: string;
  readonly source: 'dmi' | 'machine-id';
  /** Why the DMI UUID is not used; empty where it is. */
  readonly why: string;
}

/** Null where the host has no identity at all. */
export async function machineIdentity({ sysRoot, etcRoot }: HostPaths): Promise<MachineIdentity | null> {
  const dmi = (await readTextOrEmpty(`${sysRoot}/class/dmi/id/product_uuid`)).toLowerCase();
  if (dmi !== '' && !PLACEHOLDER_UUIDS.some((placeholder) => placeholder.test(dmi)))
    return { id: dmi, source: 'dmi', why: '' };
  const id = await readTextOrEmpty(`${etcRoot}/machine-id`);
  return id === '' ? null : { id, source: 'machine-id', why: dmi === '' ? 'not readable' : 'a placeholder' };
}

/**
 * SHA-256, hex, of the DMI UUID (the machine id where that is unreadable or a placeholder) alone, and with the sorted GPU
 * UUIDs. The DMI UUID is readable by root only on most hosts: an agent whose rights change is recognised by neither.
 *
 * @throws Error where the host has no identity at all, with the fix
 */
export async function hostFingerprints(paths: HostPaths, gpuUuids: readonly string[]): Promise<Fingerprints> {
  const { sysRoot, etcRoot } = paths;
  const machine = (await machineIdentity(paths))?.id;
  if (machine === undefined)
    throw new Error(
      `this host has no identity: ${sysRoot}/class/dmi/id/product_uuid and ${etcRoot}/machine-id are both unreadable or empty; run systemd-machine-id-setup`,
    );
  return {
    fingerprint: sha256([machine, ...[...gpuUuids].sort()].join('\n')),
    machineFingerprint: sha256(machine),
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
